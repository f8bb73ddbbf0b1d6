//! The bytes of the messages: as small as the scripts can read, and told apart by a number.

use bytes::Bytes;

/// Bytes that end in the number by which the message is told apart, after a count of rewritings.
pub(super) fn payload(number: u32, garbage: bool) -> Bytes {
    let mut bytes = if garbage { vec![0xc1] } else { vec![0x92, 1, 0xc4, 16] };
    if !garbage {
        bytes.extend(u128::from(number).to_be_bytes());
    }
    bytes.push(0);
    bytes.extend(number.to_be_bytes());
    bytes.into()
}

/// As a worker writes it that puts it back.
pub(super) fn rewritten(payload: &Bytes) -> Bytes {
    let mut bytes = payload.to_vec();
    let count = bytes.len() - 5;
    bytes[count] = bytes[count].wrapping_add(1);
    bytes.into()
}

/// The number by which the message is told apart.
pub(super) fn number(payload: &Bytes) -> u32 {
    u32::from_be_bytes(*payload.last_chunk().unwrap())
}
