//! Literals with a meaning: `"30s"`, `"1s..60s"`, `"10/s"`, names. Each error stands at the literal and shows one that
//! would do.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

/// The longest name of a task or a queue, in bytes. `ltq-core/src/message/queue.rs` holds the same rules for names that
/// are only known at run time.
const MAX_NAME_BYTES: usize = 200;

/// Checks the name of a `what`, a task or a queue.
pub(crate) fn name(literal: &LitStr, what: &str) -> Result<String> {
    let name = literal.value();
    let rule = if name.is_empty() {
        "must not be empty: write one such as \"reports\", or leave the option out".to_owned()
    } else if name.len() > MAX_NAME_BYTES {
        format!("must not be longer than {MAX_NAME_BYTES} bytes, and this one has {}: shorten it", name.len())
    } else if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        "must not hold whitespace or control characters: write `-`, `_` or `.` instead".to_owned()
    } else if name.contains(['{', '}']) {
        "must not hold braces, which mean something to Redis Cluster: write `-`, `_` or `.` instead".to_owned()
    } else {
        return Ok(name);
    };
    Err(Error::new(literal.span(), format!("the name of a {what} {rule}")))
}

/// Reads a duration that is more than zero.
pub(crate) fn duration(literal: &LitStr) -> Result<Duration> {
    positive(&literal.value()).map_err(|why| {
        Error::new(
            literal.span(),
            format!("{why}: expected a number and a unit, such as \"500ms\", \"30s\", \"5m\", \"1h 30m\" or \"7days\""),
        )
    })
}

/// Reads the bounds of a backoff.
pub(crate) fn backoff(literal: &LitStr) -> Result<(Duration, Duration)> {
    let text = literal.value();
    let wrong = |why: String| {
        let expected = "expected the first and the longest waiting time, such as \"1s..60s\"";
        Error::new(literal.span(), format!("{why}: {expected}"))
    };
    let Some((min, max)) = text.split_once("..") else {
        return Err(wrong(format!("`{text}` is not a range of durations")));
    };
    let min_duration = positive(min).map_err(wrong)?;
    let max_duration = positive(max).map_err(wrong)?;
    if min_duration > max_duration {
        return Err(wrong(format!("`{}` is longer than `{}`", min.trim(), max.trim())));
    }
    Ok((min_duration, max_duration))
}

/// Reads a rate: a count, a slash, and a unit or a duration.
pub(crate) fn rate(literal: &LitStr) -> Result<(u32, Duration)> {
    let text = literal.value();
    let wrong = |why: String| {
        let expected = "expected a count and a time, such as \"10/s\", \"100/m\", \"1000/h\" or \"5/10s\"";
        Error::new(literal.span(), format!("{why}: {expected}"))
    };
    let Some((count_text, per_text)) = text.split_once('/') else {
        return Err(wrong(format!("`{text}` is not a rate")));
    };
    let (count_text, per_text) = (count_text.trim(), per_text.trim());
    let count: u32 =
        count_text.parse().map_err(|_| wrong(format!("`{count_text}` is not a count from 1 to {}", u32::MAX)))?;
    if count == 0 {
        return Err(wrong("a rate of zero would never run the task".to_owned()));
    }
    let unit_alone = per_text.starts_with(|c: char| c.is_alphabetic());
    let per = if unit_alone { positive(&format!("1{per_text}")) } else { positive(per_text) };
    let per = per.map_err(|_| wrong(format!("`{per_text}` is not a time above zero")))?;
    if (per / count).is_zero() {
        return Err(wrong(format!("`{text}` is more than one start per nanosecond")));
    }
    Ok((count, per))
}

fn positive(text: &str) -> std::result::Result<Duration, String> {
    match humantime::parse_duration(text.trim()) {
        Ok(Duration::ZERO) => Err(format!("`{}` is zero", text.trim())),
        Ok(duration) => Ok(duration),
        Err(_) => Err(format!("`{}` is not a duration", text.trim())),
    }
}

/// A duration as a constant expression.
pub(crate) fn duration_tokens(duration: Duration) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanos))
}
