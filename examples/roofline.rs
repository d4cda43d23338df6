//! What a D2L's training step at the paper's width should take at best on cards that are not at hand: the tables of docs/kernels.md.
//!
//! `cargo run --release --example roofline`

use scalefree::bench::roofline::{CARDS, Card, GAP, Launch, step};
use scalefree::device::cuda::Precision;
use scalefree::nn::{Architecture, Kind, Pool};

/// Seconds of the launches whose highest roof is this one: memory, L2 or the multiprocessors.
fn bound(launches: &[Launch], card: &Card, roof: usize) -> f64 {
    let highest = |l: &&Launch| (0..3).all(|other| l.times(card)[other] <= l.times(card)[roof]) && l.times(card)[roof] > 0.0;
    launches.iter().filter(highest).fold(0.0, |sum, l| sum + l.times(card)[roof])
}

fn main() {
    let architecture = Architecture { kind: Kind::D2l, size: 16, filters: vec![256, 512, 1024], pool: Pool::Each, hidden: 2048 };
    let floor = 7.0 * 4.0 * architecture.parameter_count() as f64;
    println!(
        "| card | precision | batch | launches | memory, MB | of 7W | GFLOP done | of needed | memory, us | L2, us | cores, us | gaps, us | step, us | times the byte floor |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for card in &CARDS {
        for precision in Precision::ALL {
            for batch in [10, 64, 256] {
                let Some(launches) = step(card, &architecture, batch, precision) else { continue };
                let total = |of: &dyn Fn(&Launch) -> f64| launches.iter().map(of).sum::<f64>();
                let (memory, flop) = (total(&|l| l.memory), total(&|l| l.flop));
                let seconds = total(&|l| l.seconds(card));
                print!("| {} | {} | {batch} | {} ", card.name, precision.name(), launches.len());
                print!("| {:.0} | {:.2} | {:.1} | {:.2} ", memory / 1e6, memory / floor, flop / 1e9, flop / total(&|l| l.useful));
                for roof in 0..3 {
                    print!("| {:.0} ", 1e6 * bound(&launches, card, roof));
                }
                let gaps = 1e6 * GAP * launches.len() as f64;
                println!("| {gaps:.0} | **{:.0}** | {:.2} |", 1e6 * seconds, seconds * card.bandwidth / floor);
            }
        }
    }
    for (card, precision) in [(&CARDS[1], Precision::Tf32), (&CARDS[2], Precision::Tf32)] {
        println!("\n{}, {}, batch 10:\n", card.name, precision.name());
        println!("| launch | blocks | a multiprocessor | memory, MB | L2, MB | GFLOP | of needed | memory, us | L2, us | cores, us |");
        println!("|---|---|---|---|---|---|---|---|---|---|");
        for l in step(card, &architecture, 10, precision).into_iter().flatten() {
            let [memory, l2, cores] = l.times(card).map(|t| 1e6 * t);
            let share = l.blocks as f64 / f64::from(card.processors);
            print!("| {} | {} | {share:.2} | {:.2} | {:.2} ", l.name, l.blocks, l.memory / 1e6, l.l2 / 1e6);
            if l.flop > 0.0 {
                print!("| {:.2} | {:.2} ", l.flop / 1e9, l.flop / l.useful);
            } else {
                print!("| | ");
            }
            println!("| {memory:.1} | {l2:.1} | {cores:.1} |");
        }
    }
}
