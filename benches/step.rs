//! A D2L training step at the paper's full width beside the product roof of the same machine in the same run, and the generation of
//! labelled lattices. Throughput is in flop/s (steps, roof) and samples/s (labels).
//!
//! `cargo bench --bench step`; peers: `benches/peers/eigh.py`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scalefree::device::{Cpu, Memory};
use scalefree::nn::{Architecture, Init, Kind, Mode, Pool, Tape, initialise, layout};
use scalefree::ops::adam::{Adam, AdamConfig, AdamForm, AdamState, WeightGradient};
use scalefree::ops::mape::{Mape, MapeConfig};
use scalefree::physics::{Lattice, solve};
use scalefree::progress::Silent;

/// Multiplications and additions of one step: forward, input gradients (none for the first layer) and weight gradients, 2 flop each,
/// taps in the padding counted (KERNELS: 9.64 GFLOP at batch 10).
fn flops(architecture: &Architecture, batch: usize) -> u64 {
    let forward: Vec<usize> = architecture
        .layers()
        .iter()
        .map(|layer| {
            let weights: usize = layer.weight_shape().iter().product();
            let pixels = match layer {
                scalefree::nn::Layer::Conv3x3 { input, .. } => input.height * input.width,
                scalefree::nn::Layer::Dense { .. } => 1,
            };
            2 * weights * pixels * batch
        })
        .collect();
    (3 * forward.iter().sum::<usize>() - forward[0]) as u64
}

fn step(c: &mut Criterion) {
    let device = Cpu::<f32>::new();
    let architecture = Architecture { kind: Kind::D2l, size: 16, filters: vec![256, 512, 1024], pool: Pool::Each, hidden: 2048 };
    let modes = architecture.sites();
    let config =
        AdamConfig { lr: 1e-4, decay_rate: 0.1, decay_steps: 1e4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, form: AdamForm::TensorFlow };
    let mut group = c.benchmark_group("D2L step");
    group.sample_size(10);
    for batch in [10, 50] {
        let mut tape = Tape::record(&device, &architecture, batch, &[]).unwrap();
        let mut parameters = layout::to_arena::<f32>(&architecture, &initialise(&architecture, Init::Glorot, 1.0, 1));
        let mut adam = AdamState::new(&device, config, architecture.arena_len(), tape.tensors().len()).unwrap();
        let input: Vec<f32> = (0..batch * architecture.input().len()).map(|i| 0.3 * (i as f32).sin()).collect();
        let target = vec![0.3; batch * modes];
        let (mut errors, mut dy) = (device.zeros(batch).unwrap(), device.zeros(batch * modes).unwrap());
        let mape = MapeConfig { batch, modes, scale: 1.0 };
        group.throughput(Throughput::Elements(flops(&architecture, batch)));
        group.bench_function(BenchmarkId::from_parameter(batch), |b| {
            b.iter(|| {
                device.adam_advance(&mut adam).unwrap();
                let mode = Mode::Train { keep: 0.5, seed: 1, step: &adam.step };
                tape.forward(&device, batch, &input, &parameters, mode).unwrap();
                device.mape(&mape, tape.output(), &target, &mut errors, Some(&mut dy)).unwrap();
                let apply = WeightGradient::Apply { parameters: &mut parameters, adam: &mut adam };
                tape.backward(&device, batch, &input, &dy, apply, false).unwrap();
            });
        });
    }
    group.finish();
}

fn roof(c: &mut Criterion) {
    let n = 2048;
    let (a, b, mut out) = (vec![0.5_f32; n * n], vec![0.25_f32; n * n], vec![0.0_f32; n * n]);
    let mut group = c.benchmark_group("product roof");
    group.sample_size(10).throughput(Throughput::Elements(2 * (n as u64).pow(3)));
    group.bench_function("f32 2048", |bench| {
        bench.iter(|| {
            let s = n as isize;
            // SAFETY: three n x n matrices in C order.
            unsafe {
                gemm::gemm(
                    n,
                    n,
                    n,
                    out.as_mut_ptr(),
                    1,
                    s,
                    false,
                    a.as_ptr(),
                    1,
                    s,
                    b.as_ptr(),
                    1,
                    s,
                    1.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::Rayon(0),
                );
            }
        });
    });
    group.finish();
}

fn labels(c: &mut Criterion) {
    let lattice = Lattice::default();
    let count = 64;
    let displacement: Vec<f64> = (0..count * 512).map(|i| 0.4 * (1.7 * i as f64).sin()).collect();
    let mut group = c.benchmark_group("labels");
    group.sample_size(10).throughput(Throughput::Elements(count as u64));
    group.bench_function("L = 16", |b| b.iter(|| solve(&lattice, &displacement, &Silent).unwrap()));
    group.finish();
}

criterion_group!(benches, roof, step, labels);
criterion_main!(benches);
