//! Did you mean: the known name that is most like a wrong one.

/// How many names an error lists.
const LISTED: usize = 20;
/// How alike two names must be, from 0 to 1, to be mentioned.
const ALIKE: f64 = 0.5;

/// `; did you mean …?`, or nothing where no name is alike.
pub(crate) fn meant(wrong: &str, known: &[String]) -> String {
    let last = |name: &str| name.rsplit("::").next().unwrap_or_default().replace('-', "_");
    let alike = |known: &str| {
        let whole = strsim::normalized_damerau_levenshtein(wrong, known);
        // The last part of a path is what people write.
        whole.max(strsim::normalized_damerau_levenshtein(&last(wrong), &last(known)))
    };
    known
        .iter()
        .max_by(|a, b| alike(a).total_cmp(&alike(b)))
        .filter(|best| alike(best) > ALIKE)
        .map_or_else(String::new, |best| format!("; did you mean `{best}`?"))
}

/// The names with commas between them, not too many of them.
pub(crate) fn listed(known: &[String]) -> String {
    if known.is_empty() {
        return "none".to_owned();
    }
    let mut text = known.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(more @ 1..) = known.len().checked_sub(LISTED) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_meant_if_it_is_near() {
        let known = ["github".to_owned(), "my_app::jobs::send_mail".to_owned()];
        assert_eq!(meant("githbu", &known), "; did you mean `github`?");
        assert_eq!(meant("send_mial", &known), "; did you mean `my_app::jobs::send_mail`?");
        assert_eq!(meant("quite-another", &known), "");
        assert_eq!(meant("anything", &[]), "");
    }

    #[test]
    fn a_list_is_never_long() {
        let known: Vec<String> = (0..25).map(|number| format!("q{number}")).collect();
        assert!(listed(&known).ends_with("q19 and 5 more"));
        assert_eq!(listed(&[]), "none");
    }
}
