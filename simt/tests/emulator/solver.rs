//! The stand-in for cuSOLVER: A v = w v, w ascending, v orthonormal, in both precisions and by both calls.

use std::ptr;

use cudarc::cusolver::sys::{
    self, cublasFillMode_t::CUBLAS_FILL_MODE_LOWER as LOWER, cudaDataType, cusolverEigMode_t::CUSOLVER_EIG_MODE_VECTOR as VECTORS,
    cusolverStatus_t,
};

use crate::Case;
use crate::gpu::Gpu;

const N: usize = 13;
const BATCH: usize = 3;

pub fn cases() -> Vec<Case> {
    vec![Case::new("solver::xsyev_f64", xsyev), Case::new("solver::syevj_f32", syevj)]
}

fn check(status: cusolverStatus_t) {
    assert_eq!(status, cusolverStatus_t::CUSOLVER_STATUS_SUCCESS);
}

/// Symmetric matrices; what is above the diagonal is left out, since the solver is told not to look there.
fn matrices() -> (Vec<f64>, Vec<f64>) {
    let element = |i: usize, j: usize| (((i * 7 + j * 3 + i * j) % 17) as f64 - 8.0) / 5.0;
    let full: Vec<f64> = (0..BATCH * N * N)
        .map(|at| {
            let (row, column) = (at % N, at / N % N);
            element(row.min(column) + at / (N * N), row.max(column))
        })
        .collect();
    let lower = full.iter().enumerate().map(|(at, &value)| if at % N >= at / N % N { value } else { f64::NAN }).collect();
    (full, lower)
}

fn verify(full: &[f64], vectors: &[f64], values: &[f64], tolerance: f64) {
    for b in 0..BATCH {
        let (a, w) = (&full[b * N * N..], &values[b * N..(b + 1) * N]);
        let v = |k: usize, i: usize| vectors[b * N * N + k * N + i];
        assert!(w.is_sorted());
        for (k, value) in w.iter().enumerate() {
            for i in 0..N {
                let product: f64 = (0..N).map(|j| a[j * N + i] * v(k, j)).sum();
                assert!((product - value * v(k, i)).abs() < tolerance);
                let overlap: f64 = (0..N).map(|j| v(k, j) * v(i, j)).sum();
                assert!((overlap - f64::from(u8::from(i == k))).abs() < tolerance);
            }
        }
    }
}

fn xsyev() {
    let gpu = Gpu::new();
    let (full, lower) = matrices();
    let (a, w, info) = (gpu.memory(&lower), gpu.fresh(BATCH * N * 8), gpu.fresh(BATCH * 4));
    let f64 = cudaDataType::CUDA_R_64F;
    unsafe {
        let (mut handle, mut parameters) = (ptr::null_mut(), ptr::null_mut());
        check(sys::cusolverDnCreate(&mut handle));
        check(sys::cusolverDnSetStream(handle, gpu.stream.cast()));
        check(sys::cusolverDnCreateParams(&mut parameters));
        let (n, batch) = (N as i64, BATCH as i64);
        let (matrix, values) = (a as *mut _, w as *mut _);
        let (mut device, mut host) = (0, 0);
        check(sys::cusolverDnXsyevBatched_bufferSize(
            handle,
            parameters,
            VECTORS,
            LOWER,
            n,
            f64,
            matrix,
            n,
            f64,
            values,
            f64,
            &mut device,
            &mut host,
            batch,
        ));
        // The library wants its work space zeroed.
        let work = gpu.memory(&vec![0_u8; device]) as *mut _;
        check(sys::cusolverDnXsyevBatched(
            handle,
            parameters,
            VECTORS,
            LOWER,
            n,
            f64,
            matrix,
            n,
            f64,
            values,
            f64,
            work,
            device,
            ptr::null_mut(),
            host,
            info as *mut _,
            batch,
        ));
        check(sys::cusolverDnDestroyParams(parameters));
        check(sys::cusolverDnDestroy(handle));
    }
    assert_eq!(gpu.read::<i32>(info, BATCH), [0; BATCH]);
    verify(&full, &gpu.read::<f64>(a, BATCH * N * N), &gpu.read::<f64>(w, BATCH * N), 1e-12);
}

fn syevj() {
    let gpu = Gpu::new();
    let (full, lower) = matrices();
    let lower: Vec<f32> = lower.iter().map(|&value| value as f32).collect();
    let (a, w, info) = (gpu.memory(&lower), gpu.fresh(BATCH * N * 4), gpu.fresh(BATCH * 4));
    unsafe {
        let (mut handle, mut how) = (ptr::null_mut(), ptr::null_mut());
        check(sys::cusolverDnCreate(&mut handle));
        check(sys::cusolverDnSetStream(handle, gpu.stream.cast()));
        check(sys::cusolverDnCreateSyevjInfo(&mut how));
        let (n, batch, mut length) = (N as i32, BATCH as i32, 0);
        check(sys::cusolverDnSsyevjBatched_bufferSize(handle, VECTORS, LOWER, n, a as *mut _, n, w as *mut _, &mut length, how, batch));
        let work = gpu.memory(&vec![0_f32; length as usize]) as *mut _;
        check(sys::cusolverDnSsyevjBatched(
            handle,
            VECTORS,
            LOWER,
            n,
            a as *mut _,
            n,
            w as *mut _,
            work,
            length,
            info as *mut _,
            how,
            batch,
        ));
        check(sys::cusolverDnDestroySyevjInfo(how));
        check(sys::cusolverDnDestroy(handle));
    }
    assert_eq!(gpu.read::<i32>(info, BATCH), [0; BATCH]);
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    verify(&full, &wide(gpu.read(a, BATCH * N * N)), &wide(gpu.read(w, BATCH * N)), 1e-5);
}
