//! Right kernels give right results: on every profile, in both builds, in every order.

use cudarc::driver::sys::{self, CUfunction_attribute};
use half::{bf16, f16};
use simt::{Build, Profile};

use crate::Case;
use crate::gpu::{Gpu, argument, check, is_card};

pub const TESTS: &[(&str, fn())] = &[
    ("block_sum", block_sum),
    ("lanes", lanes),
    ("reverse", reverse),
    ("copies", copies),
    ("conversions", conversions),
    ("product_f16", || product("product_f16", 8, |x| f16::from_f32(x).to_f64())),
    ("product_tf32", || on_ampere(|| product("product_tf32", 8, |x| f64::from(to_tf32(x))))),
    ("product_bf16", || on_ampere(|| product("product_bf16", 16, |x| bf16::from_f32(x).to_f64()))),
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &(name, run) in TESTS {
        for profile in Profile::ALL {
            for build in Build::ALL {
                for (schedule, copies) in [("ascending", "late"), ("descending", "early"), ("20261", "late")] {
                    let title = format!("kernels::{name}::{profile:?}::{build:?}::{schedule}");
                    cases.push(Case::new(title, run).on(profile, build).with("SIMT_SCHEDULE", schedule).with("SIMT_CP_ASYNC", copies));
                }
            }
        }
    }
    cases.push(Case::new("kernels::product_tf32::truncated", product_truncated).with("SIMT_MMA", "truncate"));
    cases
}

fn on_ampere(run: fn()) {
    if Gpu::new().function("to_tf32").is_ok() {
        run();
    }
}

/// Numbers without a pattern, of either sign, below 1 in size.
fn numbers(count: usize) -> Vec<f32> {
    (0..count as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn block_sum() {
    let gpu = Gpu::new();
    let values = (0..5 * 256).map(|i| i as f32).collect::<Vec<_>>();
    let (output, input) = (gpu.memory(&[0.0f32; 5]), gpu.memory(&values));
    check(gpu.launch("block_sum", 5, 256, 0, &[argument(&output), argument(&input)]));
    check(gpu.wait());
    let expected: Vec<f32> = values.chunks(256).map(|chunk| chunk.iter().sum()).collect();
    assert_eq!(gpu.read::<f32>(output, 5), expected);
}

fn lanes() {
    let gpu = Gpu::new();
    let output = gpu.memory(&[0u32; 128]);
    check(gpu.launch("lanes", 1, 32, 0, &[argument(&output)]));
    check(gpu.wait());
    let votes = (0..32).filter(|lane| lane % 3 == 0).map(|lane| 1u32 << lane).sum::<u32>();
    let expected: Vec<u32> =
        (0..32).flat_map(|lane| [votes, 50, lane / 8 * 8 + (lane + 1) % 8, if lane < 3 { lane } else { lane - 3 }]).collect();
    assert_eq!(gpu.read::<u32>(output, 128), expected);
}

#[repr(C)]
struct Reverse {
    offset: u64,
    negate: bool,
}

fn reverse() {
    let gpu = Gpu::new();
    let values = numbers(1124);
    let (output, input) = (gpu.memory(&[0.0f32; 1124]), gpu.memory(&values));
    let config = Reverse { offset: 100, negate: true };
    let arguments = [argument(&output), argument(&input), argument(&config)];
    let most = CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
    let function = gpu.function("reverse").unwrap();
    check(unsafe { sys::cuFuncSetAttribute(function, most, 60 << 10) });
    check(gpu.launch("reverse", 1, 96, 60 << 10, &arguments));
    check(gpu.wait());
    let expected: Vec<f32> = (0..100).map(|_| 0.0).chain((0..1024).map(|i| -values[100 + 1023 - i])).collect();
    assert_eq!(gpu.read::<f32>(output, 1124), expected);
}

fn copies() {
    let gpu = Gpu::new();
    let values = numbers(256);
    let (output, input) = (gpu.memory(&[7.0f32; 512]), gpu.memory(&values));
    check(gpu.launch("copies", 1, 256, 0, &[argument(&output), argument(&input)]));
    check(gpu.wait());
    let wide = (0..256).rev().map(|i| if i / 4 % 3 != 0 { values[i] } else { 0.0 });
    let narrow = (0..256).rev().map(|i| if i % 3 != 0 { values[i] } else { 0.0 });
    assert_eq!(gpu.read::<f32>(output, 512), wide.chain(narrow).collect::<Vec<_>>());
}

fn to_tf32(value: f32) -> f32 {
    if value.is_finite() { f32::from_bits((value.to_bits() + 0x1000) & !0x1fff) } else { value }
}

fn conversions() {
    let gpu = Gpu::new();
    // Ties, subnormals of FP16, its largest number and just above, infinities, and numbers of every size.
    let mut values =
        vec![0.0f32, -0.0, 1.0, 1.0 + 1.0 / 2048.0, 1.0 + 3.0 / 2048.0, 1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, 65504.0, 65519.0];
    values.extend([65520.0, 1e6, f32::INFINITY, 6.0e-8, 2.9e-8, 2.98e-8, 6.1e-5, 3.05e-5, 1e-30, f32::NAN]);
    values.extend(numbers(1024 - values.len()).iter().enumerate().map(|(i, x)| x * 2.0f32.powi(i as i32 % 60 - 40)));
    let input = gpu.memory(&values);
    let run = |name: &str| -> Vec<u32> {
        let output = gpu.memory(&[0u32; 1024]);
        check(gpu.launch(name, 1, 1024, 0, &[argument(&output), argument(&input)]));
        check(gpu.wait());
        gpu.read(output, 1024)
    };
    let same = |found: u16, value: f32, expected: f32, read: fn(u16) -> f32| {
        assert!(
            read(found).to_bits() == expected.to_bits() || value.is_nan() && read(found).is_nan(),
            "{value:e}: {:e}, not {expected:e}",
            read(found)
        );
    };
    let half = |value: f32| f16::from_f32(value.clamp(-65504.0, 65504.0)).to_f32();
    for (&value, bits) in values.iter().zip(run("to_f16")) {
        same(bits as u16, value, half(value), |bits| f16::from_bits(bits).to_f32());
        same((bits >> 16) as u16, value, half(-value), |bits| f16::from_bits(bits).to_f32());
    }
    if gpu.function("to_bf16").is_err() {
        return;
    }
    for (&value, bits) in values.iter().zip(run("to_bf16")) {
        same(bits as u16, value, bf16::from_f32(value).to_f32(), |bits| bf16::from_bits(bits).to_f32());
        same((bits >> 16) as u16, value, bf16::from_f32(-value).to_f32(), |bits| bf16::from_bits(bits).to_f32());
    }
    for (&value, bits) in values.iter().zip(run("to_tf32")) {
        let found = f32::from_bits(bits);
        assert!(found.to_bits() == to_tf32(value).to_bits() || value.is_nan() && found.is_nan(), "{value:e}: {found:e}");
    }
}

/// a b of the rounded operands, in double.
fn reference(a: &[f32], b: &[f32], depth: usize, round: impl Fn(f32) -> f64) -> Vec<f64> {
    (0..128).map(|i| (0..depth).map(|k| round(a[i / 8 * depth + k]) * round(b[k * 8 + i % 8])).sum()).collect()
}

fn multiply(name: &str, depth: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let gpu = Gpu::new();
    let (a, b) = (numbers(16 * depth), numbers(16 * depth + 8 * depth).split_off(16 * depth));
    let (output, device_a, device_b) = (gpu.memory(&[0.0f32; 128]), gpu.memory(&a), gpu.memory(&b));
    check(gpu.launch(name, 1, 32, 0, &[argument(&output), argument(&device_a), argument(&device_b)]));
    check(gpu.wait());
    (gpu.read(output, 128), a, b)
}

fn product(name: &str, depth: usize, round: impl Fn(f32) -> f64) {
    let (found, a, b) = multiply(name, depth);
    let expected = reference(&a, &b, depth, round);
    // The emulator rounds a sum once; what a card does on the way is its own business.
    let tolerance = if is_card() { 1e-5 } else { 0.0 };
    for (found, expected) in found.iter().zip(expected) {
        assert!((f64::from(*found) - f64::from(expected as f32)).abs() <= tolerance, "{found}, not {expected}");
    }
}

/// Every term's sum is cut toward zero: near the right result, and on the whole too small.
fn product_truncated() {
    let (found, a, b) = multiply("product_tf32", 8);
    let expected = reference(&a, &b, 8, |x| f64::from(to_tf32(x)));
    assert!(found.iter().zip(&expected).all(|(found, expected)| (f64::from(*found) - expected).abs() < 2e-6));
    assert!(found.iter().zip(&expected).any(|(found, expected)| *found != *expected as f32));
}
