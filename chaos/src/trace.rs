//! The whole history of one message in words: what its producer was told, where it went, who ran it, and what had
//! happened to these workers.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use crate::aof::{Log, Step};
use crate::faults::Party;
use crate::history::{History, NEVER, Told};
use crate::replay::id_of;

/// The traces of some messages. Reads the log of Redis again, since only few messages need it in full.
pub(crate) fn traces(history: &History, messages: &[u32], folder: &Path) -> io::Result<HashMap<u32, String>> {
    let ids: HashMap<[u8; 16], u32> =
        messages.iter().map(|message| (history.messages[*message as usize].id, *message)).collect();
    let mut lines: HashMap<u32, Vec<(u32, String)>> = HashMap::new();
    let (mut log, mut step) = (Log::open(folder)?, Step::default());
    while log.next(&mut step)? {
        let at = history.since_began(step.at_s * 1_000);
        for command in step.commands() {
            let found: HashSet<u32> = command
                .words_from(2)
                .filter_map(|word| <[u8; 16]>::try_from(word).ok().or_else(|| id_of(word)))
                .filter_map(|id| ids.get(&id).copied())
                .collect();
            for message in found {
                let text = |index: usize| String::from_utf8_lossy(command.word(index)).into_owned();
                let line = format!("redis       {} {}", text(0), text(1));
                lines.entry(message).or_default().push((at, line));
            }
        }
    }
    let trace = |message: &u32| (*message, text(history, *message, lines.remove(message).unwrap_or_default()));
    Ok(messages.iter().map(trace).collect())
}

fn text(history: &History, message: u32, mut lines: Vec<(u32, String)>) -> String {
    let known = &history.messages[message as usize];
    let producer = known.producer;
    if known.sent_at != NEVER {
        lines.push((known.sent_at, format!("producer {producer}  sends")));
    }
    match known.told {
        Told::Nothing => {}
        Told::Accepted => lines.push((known.told_at, format!("producer {producer}  is told: accepted"))),
        Told::Error(kind) => {
            let kind = &history.errors[usize::from(kind)];
            lines.push((known.told_at, format!("producer {producer}  is told: {kind}")));
        }
    }
    let mut involved = HashSet::new();
    for run in history.runs_of(message) {
        involved.insert(run.process);
        let who = format!("process {}  ", run.process);
        lines.push((run.start, format!("{who} starts delivery {}", run.delivery)));
        if let Some(ending) = run.ending {
            lines.push((run.finish, format!("{who} ends delivery {}: {}", run.delivery, ending.word())));
        }
    }
    for handout in history.handouts_of(message) {
        involved.insert(handout.process);
        lines.push((handout.given, format!("process {}   is given it; {:?}", handout.process, handout.how)));
    }
    let (first, last) = lines.iter().fold((NEVER, 0), |(first, last), (at, _)| (first.min(*at), last.max(*at)));
    let near = |made: &&crate::history::Made| {
        let ours = made.party == Party::Redis
            || made.party == Party::Producer(usize::from(producer))
            || made.process.is_some_and(|process| involved.contains(&process));
        ours && made.end.saturating_add(10_000) >= first && made.start <= last.saturating_add(1_000)
    };
    for made in history.faults.iter().filter(near) {
        let process = made.process.map_or(String::new(), |process| format!(" (process {process})"));
        let text = format!("fault       {} of {:?}{process}, until {}", made.fault.name(), made.party, made.end);
        lines.push((made.start, text));
    }
    for process in involved {
        if let Some(process) = history.processes.get(usize::from(process)).filter(|process| process.ended <= last) {
            lines.push((
                process.ended,
                format!("worker {}    (process id {}) ends: {}", process.slot, process.pid, process.end),
            ));
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut text = format!("message {:032x}, in ms since the start:\n", u128::from_be_bytes(known.id));
    for (at, line) in lines {
        let _ = writeln!(text, "  {at:>9} {line}");
    }
    text
}
