//! Just enough of RESP2 to tell where a request or a reply ends, and to replace one word of a request.
//!
//! Inline commands are not understood: no client library sends them.

use std::ops::Range;

/// Bytes that are not RESP2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not RESP2")]
pub struct NotResp;

/// How long the first frame in `bytes` is; `None` while it is not there as a whole.
///
/// # Errors
///
/// The bytes are no frame.
pub fn frame_length(bytes: &[u8]) -> Result<Option<usize>, NotResp> {
    let (mut at, mut elements) = (0, 1_usize);
    while elements > 0 {
        let Some((kind, number, next)) = header(bytes, at)? else { return Ok(None) };
        at = next;
        elements -= 1;
        match kind {
            b'$' => at += usize::try_from(number).map_or(0, |length| length + 2),
            b'*' => elements += usize::try_from(number).unwrap_or(0),
            _ => {}
        }
        if at > bytes.len() {
            return Ok(None);
        }
    }
    Ok(Some(at))
}

/// Where the first `most` words of a whole request stand.
#[must_use]
pub fn words(request: &[u8], most: usize) -> Vec<Range<usize>> {
    let mut words = Vec::with_capacity(most);
    let Ok(Some((b'*', count, mut at))) = header(request, 0) else { return words };
    for _ in 0..usize::try_from(count).unwrap_or(0).min(most) {
        let Ok(Some((b'$', length, start))) = header(request, at) else { break };
        let end = start + usize::try_from(length).unwrap_or(0);
        words.push(start..end);
        at = end + 2;
    }
    words
}

/// The request with another second word.
#[must_use]
pub fn with_second_word(request: &[u8], word: &[u8]) -> Vec<u8> {
    let places = words(request, 2);
    let [first, second] = places.as_slice() else { return request.to_vec() };
    let mut replaced = Vec::with_capacity(request.len() + word.len());
    replaced.extend_from_slice(&request[..first.end + 2]);
    replaced.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
    replaced.extend_from_slice(word);
    replaced.extend_from_slice(&request[second.end..]);
    replaced
}

/// The type, the number and the end of the line that begins at `at`. Lines without a number have zero.
fn header(bytes: &[u8], at: usize) -> Result<Option<(u8, i64, usize)>, NotResp> {
    let Some(&kind) = bytes.get(at) else { return Ok(None) };
    if !b"+-:$*".contains(&kind) {
        return Err(NotResp);
    }
    let Some(length) = bytes[at..].iter().position(|&byte| byte == b'\n') else { return Ok(None) };
    let line = bytes[at + 1..at + length].trim_ascii_end();
    let number = match kind {
        b'$' | b'*' => std::str::from_utf8(line).ok().and_then(|text| text.parse().ok()).ok_or(NotResp)?,
        _ => 0,
    };
    Ok(Some((kind, number, at + length + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_ends_where_it_ends_and_not_before() {
        let frames: [&[u8]; 6] = [
            b"+OK\r\n",
            b"$-1\r\n",
            b"*-1\r\n",
            b"*0\r\n",
            b"*3\r\n:1\r\n*2\r\n$2\r\n\r\n\r\n$-1\r\n-ERR no\r\n",
            b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        ];
        for frame in frames {
            for end in 0..frame.len() {
                assert_eq!(frame_length(&frame[..end]), Ok(None), "{frame:?} to {end}");
            }
            assert_eq!(frame_length(&[frame, b"+next"].concat()), Ok(Some(frame.len())));
        }
        assert_eq!(frame_length(b"GET k\r\n"), Err(NotResp));
    }

    #[test]
    fn a_word_is_replaced() {
        let request = b"*3\r\n$7\r\nEVALSHA\r\n$2\r\nab\r\n$1\r\n0\r\n";
        let texts: Vec<_> = words(request, 9).into_iter().map(|place| &request[place]).collect();
        assert_eq!(texts, [&b"EVALSHA"[..], b"ab", b"0"]);
        assert_eq!(with_second_word(request, b"long"), b"*3\r\n$7\r\nEVALSHA\r\n$4\r\nlong\r\n$1\r\n0\r\n");
    }
}
