//! What the keys, fields and payloads of a queue hold, byte by byte.
//!
//! Written again from `docs/redis-keys.md` and not shared with the broker, so that a mistake there is not repeated here.

/// A turn, and which of the messages it took.
pub(super) type Place = (u64, u16);

/// The worker of a list, and its index.
pub(super) fn of_list(name: &[u8]) -> (&[u8], &[u8]) {
    let end = name.iter().rposition(|byte| *byte == b':').unwrap_or(name.len());
    (&name[..end], &name[end..])
}

/// A number in decimal digits.
pub(super) fn number(word: &[u8]) -> Option<usize> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The turn and the number within it, of a field.
pub(super) fn place(field: &[u8]) -> Option<Place> {
    let [a, b, c, d, e, f, high, low] = <[u8; 8]>::try_from(field).ok()?;
    Some((u64::from_be_bytes([0, 0, a, b, c, d, e, f]), u16::from_be_bytes([high, low])))
}

/// What comes after the name of the queue in a key.
pub(super) fn name_of(key: &[u8]) -> &[u8] {
    let end = key.windows(2).position(|pair| pair == b"}:");
    end.map_or(&[], |end| &key[end + 2..])
}

/// The id at its fixed place in an envelope.
pub(crate) fn id_of(payload: &[u8]) -> Option<[u8; 16]> {
    let id = payload.get(4..20).filter(|_| payload[2..4] == [0xc4, 16])?;
    <[u8; 16]>::try_from(id).ok()
}
