//! [`DoneMasks`]: the places of messages that are done, as `lua/settle/done.lua` reads them: for each turn one mask.

use crate::broker::Place;

/// How many bytes stand before a mask: the turn's number and the mask's length.
const HEADER: usize = 7;

/// Places, gathered by turn.
#[derive(Debug, Default)]
pub(crate) struct DoneMasks {
    masks: Vec<(u64, Vec<u8>)>,
    /// Which mask was added to last; the next place is most often of the same turn.
    last: usize,
    /// Places that were added before already; they are asked for again in masks of their own, so that the script counts them.
    again: Vec<Place>,
}

impl DoneMasks {
    pub(crate) fn add(&mut self, place: Place) {
        if self.masks.get(self.last).is_none_or(|(turn, _)| *turn != place.turn) {
            self.last = self.masks.iter().rposition(|(turn, _)| *turn == place.turn).unwrap_or_else(|| {
                self.masks.push((place.turn, Vec::new()));
                self.masks.len() - 1
            });
        }
        let Some((_, mask)) = self.masks.get_mut(self.last) else { return };
        if !set(mask, place.index) {
            self.again.push(place);
        }
    }

    /// The argument of the script.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let length = self.masks.iter().map(|(_, mask)| HEADER + mask.len()).sum();
        let mut out = Vec::with_capacity(length);
        for (turn, mask) in &self.masks {
            push(&mut out, *turn, mask);
        }
        for place in &self.again {
            let mut mask = Vec::new();
            set(&mut mask, place.index);
            push(&mut out, place.turn, &mask);
        }
        out
    }
}

/// Sets a bit. Says whether it was not set before.
fn set(mask: &mut Vec<u8>, index: u16) -> bool {
    let (byte, bit) = (usize::from(index / 8), 1 << (index % 8));
    if mask.len() <= byte {
        mask.resize(byte + 1, 0);
    }
    let fresh = mask[byte] & bit == 0;
    mask[byte] |= bit;
    fresh
}

fn push(out: &mut Vec<u8>, turn: u64, mask: &[u8]) {
    let [_, _, turn @ ..] = turn.to_be_bytes();
    out.extend_from_slice(&turn);
    // A mask of the 1,000 messages of the largest turn has 125 bytes; nothing was ever taken beyond.
    let mask = mask.get(..usize::from(u8::MAX)).unwrap_or(mask);
    out.push(u8::try_from(mask.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(mask);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(places: &[(u64, u16)]) -> Vec<u8> {
        let mut done = DoneMasks::default();
        places.iter().for_each(|(turn, index)| done.add(Place { turn: *turn, index: *index }));
        done.encode()
    }

    #[test]
    fn places_of_one_turn_share_a_mask() {
        let written = encoded(&[(1, 0), (258, 9), (1, 2), (258, 8)]);
        assert_eq!(written, [0, 0, 0, 0, 0, 1, 1, 0b101, 0, 0, 0, 0, 1, 2, 2, 0, 0b11]);
        assert!(encoded(&[]).is_empty());
    }

    #[test]
    fn a_place_that_comes_twice_is_asked_for_twice() {
        assert_eq!(encoded(&[(1, 0), (1, 0)]), [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1]);
    }
}
