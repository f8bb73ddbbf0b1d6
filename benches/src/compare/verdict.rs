//! [`Verdict`]: what the ratio of a figure between two programs means, and which figures are guarded.
//!
//! A count is the same in every run and a time is not, so both are judged by their interval: a guarded figure is broken only
//! where chance is no explanation. What chance may explain is said to be unclear, and more pairs decide it.

use super::name::Name;
use crate::figure::Figure;
use crate::interval::Interval;
use crate::job::Subject;
use crate::workload::cost;

/// How much more a message may cost.
const MOST_COST: f64 = 1.03;
/// How much slower it may be.
const LEAST_SPEED: f64 = 0.97;

/// What holds for a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// What a message costs: the median must be within 3 % of the baseline's.
    Cost,
    /// Messages a second: not below 0.97 by the whole interval.
    Throughput,
    /// A latency: the inverse ratio not below 0.97 by the whole interval.
    Latency,
    /// Shown only.
    None,
}

/// What the ratios of a figure say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No difference of more than 3 % is shown.
    Same,
    /// The whole interval is more than 3 % above the baseline, and may be.
    Higher,
    /// The whole interval is more than 3 % below the baseline, and may be.
    Lower,
    /// The median of a cost is out of its bounds, but its interval contains 1.
    Unclear,
    /// A guarded figure is out of its bounds.
    Broken,
}

impl Guard {
    /// Of a figure by its name; one that this program does not know has none.
    pub(super) fn of(name: &Name) -> Self {
        let Some(figure) = Figure::named(&name.figure) else { return Self::None };
        let costs = name.workload == cost::WORKLOAD;
        if name.subject == Subject::Ceiling.name() {
            // What the scripts cost in batches of a fixed size is LTQ's; how fast a bare client calls them is not.
            let scripts_alone = costs && name.case == cost::WHOLE_WAY && figure == Figure::RedisCpu;
            return if scripts_alone { Self::Cost } else { Self::None };
        }
        match figure {
            _ if name.subject != Subject::Ltq.name() => Self::None,
            Figure::RedisCpu | Figure::Commands | Figure::Allocations if costs => Self::Cost,
            Figure::WaitingBytes => Self::Cost,
            Figure::Rate => Self::Throughput,
            Figure::P50 | Figure::P50FromSend => Self::Latency,
            _ => Self::None,
        }
    }

    /// Judges the ratio of what is measured to the baseline.
    pub(super) fn judge(self, ratio: Interval) -> Verdict {
        let broken = match self {
            Self::Cost if ratio.median > MOST_COST && ratio.low <= 1.0 => return Verdict::Unclear,
            Self::Cost => ratio.median > MOST_COST,
            Self::Throughput => ratio.high < LEAST_SPEED,
            Self::Latency => ratio.inverse().high < LEAST_SPEED,
            Self::None => false,
        };
        if broken {
            Verdict::Broken
        } else if ratio.low > MOST_COST {
            Verdict::Higher
        } else if ratio.high < LEAST_SPEED {
            Verdict::Lower
        } else {
            Verdict::Same
        }
    }
}

impl Verdict {
    /// Its word in the report.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Higher => "higher",
            Self::Lower => "lower",
            Self::Unclear => "unclear",
            Self::Broken => "BROKEN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(low: f64, median: f64, high: f64) -> Interval {
        Interval { low, median, high }
    }

    #[test]
    fn a_cost_is_judged_by_its_median_where_chance_is_no_explanation() {
        let judge = |low, median, high| Guard::Cost.judge(ratio(low, median, high));
        assert_eq!(judge(1.0, 1.0, 1.0), Verdict::Same);
        assert_eq!(judge(1.03, 1.03, 1.03), Verdict::Same);
        assert_eq!(judge(1.031, 1.031, 1.031), Verdict::Broken);
        assert_eq!(judge(1.01, 1.04, 1.1), Verdict::Broken);
        assert_eq!(judge(0.98, 1.04, 1.1), Verdict::Unclear);
        assert_eq!(judge(0.5, 0.6, 0.7), Verdict::Lower);
    }

    #[test]
    fn speed_is_broken_by_the_whole_interval_only() {
        let judge = |low, median, high| Guard::Throughput.judge(ratio(low, median, high));
        assert_eq!(judge(0.8, 0.9, 0.97), Verdict::Same);
        assert_eq!(judge(0.8, 0.9, 0.969), Verdict::Broken);
        assert_eq!(judge(1.1, 1.2, 1.3), Verdict::Higher);
    }

    #[test]
    fn a_latency_is_broken_upwards() {
        let judge = |low, median, high| Guard::Latency.judge(ratio(low, median, high));
        assert_eq!(judge(1.03, 1.2, 1.3), Verdict::Same);
        assert_eq!(judge(1.04, 1.2, 1.3), Verdict::Broken);
        assert_eq!(judge(0.5, 0.6, 0.7), Verdict::Lower);
    }

    #[test]
    fn what_is_not_guarded_is_never_broken() {
        let judge = |low, median, high| Guard::None.judge(ratio(low, median, high));
        assert_eq!(judge(4.0, 5.0, 6.0), Verdict::Higher);
        assert_eq!(judge(0.1, 0.2, 0.3), Verdict::Lower);
        assert_eq!(judge(0.1, 1.5, 9.0), Verdict::Same);
    }

    #[test]
    fn guarded_is_what_a_plain_message_costs_and_how_fast_it_is() {
        let guard = |workload: &str, case: &str, subject: &str, figure: &str| {
            let [workload, case, subject, figure] = [workload, case, subject, figure].map(str::to_owned);
            Guard::of(&Name { workload, case, subject, figure })
        };
        let (cost, whole_way) = (cost::WORKLOAD, cost::WHOLE_WAY);
        for figure in ["RedisCpu", "Commands", "Allocations"] {
            assert_eq!(guard(cost, cost::DRAIN, "LTQ", figure), Guard::Cost, "{figure}");
            assert_eq!(guard("many workers", "", "LTQ", figure), Guard::None, "{figure}");
        }
        assert_eq!(guard("backlog", "", "LTQ", "WaitingBytes"), Guard::Cost);
        assert_eq!(guard("drain", "", "LTQ", "Rate"), Guard::Throughput);
        assert_eq!(guard("pick-up", "", "LTQ", "P50"), Guard::Latency);
        for figure in ["P99", "P999", "Max", "ProcessCpu", "a figure of tomorrow"] {
            assert_eq!(guard(cost, cost::DRAIN, "LTQ", figure), Guard::None, "{figure}");
        }
        assert_eq!(guard(cost, whole_way, "ceiling", "RedisCpu"), Guard::Cost);
        assert_eq!(guard(cost, cost::DRAIN, "ceiling", "RedisCpu"), Guard::None);
        assert_eq!(guard("drain", "", "ceiling", "Rate"), Guard::None);
        assert_eq!(guard("pick-up", "", "PING", "P50"), Guard::None);
    }
}
