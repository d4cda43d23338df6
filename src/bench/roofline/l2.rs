//! What misses L2, step after step: an L2 of the card's size that forgets what was used longest ago.

use super::{Launch, Touch};
use std::collections::{BTreeMap, HashMap};

/// Pieces of an array that L2 keeps or forgets as wholes.
const PIECES: usize = 64;

/// A piece of an array.
type Piece = (String, usize);

/// A piece in L2.
struct Held {
    piece: Piece,
    bytes: f64,
    /// The launch that wrote it, while memory does not have it.
    writer: Option<usize>,
}

/// What L2 holds, by the time of the last use.
#[derive(Default)]
struct L2 {
    times: HashMap<Piece, u64>,
    held: BTreeMap<u64, Held>,
    bytes: f64,
    now: u64,
}

/// Fills in the bytes that each launch moves to and from memory when step follows step.
pub(super) fn count_memory(launches: &mut [Launch], capacity: f64) {
    let mut l2 = L2::default();
    // The rounds before the last are there to fill L2.
    for _ in 0..3 {
        launches.iter_mut().for_each(|launch| launch.memory = 0.0);
        for index in 0..launches.len() {
            let touches = launches[index].touches.clone();
            let passes = touches.iter().map(|touch| touch.passes).max().unwrap_or(1);
            for tick in 0..passes * PIECES {
                for touch in &touches {
                    let piece = if touch.passes == passes { tick % PIECES } else { tick / passes };
                    l2.touch(touch, piece, index, capacity, launches);
                }
            }
        }
    }
}

impl L2 {
    fn touch(&mut self, touch: &Touch, piece: usize, index: usize, capacity: f64, launches: &mut [Launch]) {
        let (key, bytes) = ((touch.array.clone(), piece), touch.bytes / PIECES as f64);
        self.now += 1;
        let before = self.times.insert(key.clone(), self.now).and_then(|time| self.held.remove(&time));
        let mut writer = None;
        match before {
            Some(held) => {
                self.bytes -= held.bytes;
                writer = held.writer;
            }
            None if touch.reads => launches[index].memory += bytes,
            None => {}
        }
        if touch.writes {
            writer = Some(index);
        }
        self.held.insert(self.now, Held { piece: key, bytes, writer });
        self.bytes += bytes;
        while self.bytes > capacity {
            let Some((_, out)) = self.held.pop_first() else { break };
            self.times.remove(&out.piece);
            self.bytes -= out.bytes;
            if let Some(writer) = out.writer {
                launches[writer].memory += out.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l2_counts_what_does_not_fit() {
        let launch = |bytes: usize, passes| {
            let mut launch = Launch::new("a".into(), 1).reads("read", bytes / 4).touch("changed".into(), bytes / 4, true, true);
            launch.touches[0].passes = passes;
            vec![launch]
        };
        for (bytes, passes, capacity, expected) in [
            // Both stay from step to step.
            (4096, 1, 1e6, 0.0),
            // Neither does: one is read, the other read and written.
            (4096, 1, 64.0, 3.0 * 4096.0),
            // Five times through an array that does not fit.
            (4096, 5, 2048.0, 7.0 * 4096.0),
        ] {
            let mut launches = launch(bytes, passes);
            count_memory(&mut launches, capacity);
            assert_eq!(launches[0].memory, expected, "{passes} passes, {capacity} bytes of L2");
        }
    }
}
