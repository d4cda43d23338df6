//! A program that uses cust lets our card work on its memory, launches our kernel, and has us launch one of its own: `cust_interop FILE`,
//! FILE a fatbin of kernels/adam.cu (docs/cust.md). Ends with an error where a number is not what the host makes of it.

use cust::memory::DeviceBuffer;
use cust::module::Module;
use cust::stream::{Stream, StreamFlags};
use scalefree::device::{Cuda, Memory};
use scalefree::ops::hamiltonian::{Hamiltonians, Hopping, hamiltonian};
use std::error::Error;
use std::ffi::c_void;
use std::ptr;

/// Sites along one side, and how many lattices.
const SIZE: usize = 6;
const COUNT: usize = 3;
const SITES: usize = SIZE * SIZE;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("name a fatbin of kernels/adam.cu")?;
    let device = Cuda::new(0, None)?;
    // Before anything else of cust's, and dropped after it.
    let _context = device.cust_context()?;
    let stream = Stream::new(StreamFlags::DEFAULT, None)?;

    // cust's memory, our op.
    let displacement: Vec<f64> = (0..COUNT * 2 * SITES).map(|n| 0.4 * (1.7 * n as f64).sin()).collect();
    let lattice = Hopping { size: SIZE as u32, periodic: 0, t0: 3.14e-2, alpha: 1.1454 };
    let ours = device.adopt(DeviceBuffer::from_slice(&displacement)?)?;
    let mut matrices = device.zeros(COUNT * SITES * SITES)?;
    device.hamiltonians(&lattice, COUNT, &ours, &mut matrices)?;

    // add_penalty(double* to, const double* from, u64 count, double scale): *to += scale * (`from` added up).
    let (sum, copy) = (DeviceBuffer::from_slice(&[0.0_f64])?, DeviceBuffer::from_slice(&[0.0_f64])?);
    // SAFETY: `matrices` outlives the slice, and `hold_back` and `wait_for` keep its users apart.
    let values = unsafe { matrices.as_cust() };
    let (mut to, mut from, mut count, mut scale) = (sum.as_device_ptr(), values.as_device_ptr(), values.len() as u64, 1.0_f64);

    // Our kernel on cust's stream, behind what we have enqueued.
    let kernel = device.kernel("add_penalty", 0, &[8; 4])?;
    let mut arguments: [*mut c_void; 4] = [(&raw mut to).cast(), (&raw mut from).cast(), (&raw mut count).cast(), (&raw mut scale).cast()];
    device.hold_back(&stream)?;
    // SAFETY: the arguments are of the kernel's types; it reads `count` numbers and writes one.
    let code =
        unsafe { cust::sys::cuLaunchKernel(kernel, 1, 1, 1, 256, 1, 1, 0, stream.as_inner(), arguments.as_mut_ptr(), ptr::null_mut()) };
    if code != cust::sys::CUresult::CUDA_SUCCESS {
        return Err(format!("cuLaunchKernel: {code:?}").into());
    }

    // cust's kernel on our stream, behind what cust has enqueued.
    let module = Module::from_fatbin(std::fs::read(file)?, &[])?;
    let function = module.get_function("add_penalty")?;
    (to, from, count) = (copy.as_device_ptr(), sum.as_device_ptr(), 1);
    let mut arguments: [*mut c_void; 4] = [(&raw mut to).cast(), (&raw mut from).cast(), (&raw mut count).cast(), (&raw mut scale).cast()];
    device.wait_for(&stream)?;
    // SAFETY: as above; the module outlives the wait in `release`.
    unsafe { device.launch_cust(&function, 1, 256, 0, &mut arguments)? };

    // cust's memory again; the first of these waits for all of the above.
    let matrices = device.release(matrices)?.as_host_vec()?;
    expect("displacements", &device.release(ours)?.as_host_vec()?, &displacement, 0.0)?;
    let mut expected = vec![0.0; COUNT * SITES * SITES];
    for (displacement, matrix) in displacement.chunks(2 * SITES).zip(expected.chunks_mut(SITES * SITES)) {
        hamiltonian(&lattice, displacement, matrix);
    }
    expect("Hamiltonians", &matrices, &expected, 1e-15)?;
    let total = [expected.iter().sum::<f64>()];
    expect("sum", &sum.as_host_vec()?, &total, 1e-12)?;
    expect("copy of the sum", &copy.as_host_vec()?, &total, 1e-12)?;
    println!("{}: memory and kernels went both ways", device.name());
    Ok(())
}

fn expect(name: &str, ours: &[f64], expected: &[f64], allowed: f64) -> Result<(), String> {
    // A NaN is near nothing.
    let wrong = ours.iter().zip(expected).position(|(a, b)| (a - b).abs().partial_cmp(&allowed).is_none_or(|order| order.is_gt()));
    match wrong {
        None if ours.len() == expected.len() => Ok(()),
        None => Err(format!("{name}: {} numbers, not {}", ours.len(), expected.len())),
        Some(at) => Err(format!("{name}: number {at} is {:e}, not {:e}", ours[at], expected[at])),
    }
}
