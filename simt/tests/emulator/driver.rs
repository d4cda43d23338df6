//! The driver behaves as a driver: refusals, faults that stay, order of work, graphs.

use std::ffi::CStr;
use std::ptr;

use cudarc::driver::sys::{self, CUfunction_attribute, CUgraphNodeType, CUresult, CUstreamCaptureMode};
use simt::{Build, Profile};

use crate::Case;
use crate::gpu::{Gpu, argument, check, out};

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("driver::refused_launches", refused_launches).says(&[
            "a block of (0,1,1)",
            "a block of (1025,1,1)",
            "a grid of (0,1,1)",
            "61440 bytes of dynamic",
        ]),
        Case::new("driver::argument_sizes", argument_sizes).says(&["kernel reverse takes 32 bytes of arguments; 24 were given"]),
        Case::new("driver::fresh_memory_is_nan", fresh_memory_is_nan),
        Case::new("driver::out_of_memory", out_of_memory).with("SIMT_MEMORY", "1000000"),
        Case::new("driver::no_device", no_device).with("SIMT_DEVICES", "0"),
        Case::new("driver::old_driver", || assert_eq!(version(), 12040)).with("SIMT_DRIVER_VERSION", "12040"),
        Case::new("driver::meaningless_setting", meaningless_setting).with("SIMT_CP_ASYNC", "soon").says(&["SIMT_CP_ASYNC=soon"]),
        Case::new("driver::copies_are_checked", copies_are_checked).says(&["not inside one allocation of device memory"]),
        Case::new("driver::work_waits", work_waits),
        Case::new("driver::events_order_streams", events_order_streams),
        Case::new("driver::graph_in_another_order", graph_in_another_order).with("SIMT_SCHEDULE", "descending"),
        Case::new("driver::capture_of_two_streams", capture_of_two_streams),
        Case::new("driver::graph", graph),
        Case::new("driver::capture_forbids", capture_forbids),
        Case::new("driver::capture_of_a_thread", capture_of_a_thread),
        Case::new("driver::no_context", no_context),
        Case::new("driver::safe_cudarc", safe_cudarc),
    ];
    let capability = [(Profile::Sm75, (7, 5), 64), (Profile::Sm89, (8, 9), 99), (Profile::Sm90, (9, 0), 227)];
    cases.extend(capability.map(|(profile, capability, shared)| {
        Case::new(format!("driver::profile::{profile:?}"), move || profile_answers(capability, shared))
            .on(profile, Build::Plain)
            .says(&["dynamic shared memory; this card has"])
    }));
    cases
}

fn version() -> i32 {
    out(|version| unsafe { sys::cuDriverGetVersion(version) }).unwrap()
}

fn profile_answers(capability: (i32, i32), shared: i32) {
    use sys::CUdevice_attribute_enum as Attribute;
    let gpu = Gpu::new();
    let ask = |attribute| out(|value| unsafe { sys::cuDeviceGetAttribute(value, attribute, 0) }).unwrap();
    let found =
        (ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR), ask(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
    assert_eq!(found, capability);
    let mut name = [0; 64];
    check(unsafe { sys::cuDeviceGetName(name.as_mut_ptr(), 64, 0) });
    let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_str().unwrap();
    assert_eq!(name, format!("scalefree emulator sm_{}{}", capability.0, capability.1));
    let function = gpu.function("reverse").unwrap();
    let opt_in =
        |bytes| unsafe { sys::cuFuncSetAttribute(function, CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes) };
    check(opt_in(shared << 10));
    assert_eq!(opt_in((shared << 10) + 1), CUresult::CUDA_ERROR_INVALID_VALUE);
    assert_eq!(gpu.function("to_tf32").is_ok(), capability.0 >= 8);
    assert_eq!(version(), 13000);
}

fn refused_launches() {
    let gpu = Gpu::new();
    assert_eq!(gpu.function("absent"), Err(CUresult::CUDA_ERROR_NOT_FOUND));
    let memory = gpu.memory(&[0.0f32; 1024]);
    for (grid, block) in [(1, 0), (1, 1025), (0, 32)] {
        let launched = gpu.launch("with_barrier", grid, block, 0, &[argument(&memory), argument(&memory)]);
        assert_eq!(launched, CUresult::CUDA_ERROR_INVALID_VALUE);
    }
    // More than 48 KiB of shared memory must be asked for.
    let launched = gpu.launch("with_barrier", 1, 32, 60 << 10, &[argument(&memory), argument(&memory)]);
    assert_eq!(launched, CUresult::CUDA_ERROR_INVALID_VALUE);
    check(gpu.wait());
}

fn argument_sizes() {
    let gpu = Gpu::new();
    let function = gpu.function("reverse").unwrap();
    let parameter = |index| {
        let mut size = 0;
        out(|offset| unsafe { sys::cuFuncGetParamInfo(function, index, offset, &mut size) }).map(|offset| (offset, size))
    };
    let found: Vec<_> = (0..4).map(parameter).collect();
    assert_eq!(found, [Ok((0, 8)), Ok((8, 8)), Ok((16, 16)), Err(CUresult::CUDA_ERROR_INVALID_VALUE)]);
    // Packed arguments, of which the last is half missing.
    let packed = [0u64; 3];
    let mut size = size_of_val(&packed);
    let (address, size_of): (usize, usize) = (1, 2);
    let mut extra =
        [address as *mut _, packed.as_ptr().cast_mut().cast(), size_of as *mut _, ptr::from_mut(&mut size).cast(), ptr::null_mut()];
    let launched = unsafe { sys::cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 4096, gpu.stream, ptr::null_mut(), extra.as_mut_ptr()) };
    assert_eq!(launched, CUresult::CUDA_ERROR_INVALID_VALUE);
}

fn fresh_memory_is_nan() {
    let gpu = Gpu::new();
    let memory = gpu.fresh(400);
    assert!(gpu.read::<f32>(memory, 100).iter().all(|value| value.is_nan()));
    assert_eq!(memory % 256, 0);
}

fn out_of_memory() {
    let gpu = Gpu::new();
    let allocate = |bytes| out(|memory| unsafe { sys::cuMemAlloc_v2(memory, bytes) });
    let free = || {
        let mut total = 0;
        (out(|free| unsafe { sys::cuMemGetInfo_v2(free, &mut total) }).unwrap(), total)
    };
    let first = allocate(600_000).unwrap();
    assert_eq!(free(), (400_000, 1_000_000));
    assert_eq!(allocate(400_001), Err(CUresult::CUDA_ERROR_OUT_OF_MEMORY));
    check(unsafe { sys::cuMemFree_v2(first) });
    assert!(allocate(1_000_000).is_ok());
    check(gpu.wait());
}

fn no_device() {
    assert_eq!(unsafe { sys::cuInit(0) }, CUresult::CUDA_ERROR_NO_DEVICE);
}

fn meaningless_setting() {
    assert_eq!(unsafe { sys::cuInit(0) }, CUresult::CUDA_ERROR_INVALID_VALUE);
}

fn copies_are_checked() {
    let gpu = Gpu::new();
    let memory = gpu.memory(&[0.0f32; 16]);
    let mut host = [0.0f32; 17];
    let copied = unsafe { sys::cuMemcpyDtoH_v2(host.as_mut_ptr().cast(), memory, 17 * 4) };
    assert_eq!(copied, CUresult::CUDA_ERROR_INVALID_VALUE);
}

/// One step of the counter: what graphs and streams are tried with.
struct Counter {
    gpu: Gpu,
    counter: u64,
    log: u64,
    input: u64,
}

impl Counter {
    fn new() -> Self {
        let gpu = Gpu::new();
        let (counter, log) = (gpu.memory(&[0u32]), gpu.memory(&[0.0f32; 8]));
        let input = gpu.memory(&[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        Self { gpu, counter, log, input }
    }

    fn step(&self) {
        check(self.gpu.launch("step", 1, 1, 0, &[argument(&self.counter), argument(&self.log), argument(&self.input)]));
    }

    fn count(&self) -> u32 {
        self.gpu.read(self.counter, 1)[0]
    }
}

/// Nothing is done before it is waited for, and copies from page-locked memory read what is there then.
fn work_waits() {
    let counter = Counter::new();
    let pinned: *mut u32 = out(|memory| unsafe { sys::cuMemAllocHost_v2(memory, 4) }).unwrap().cast();
    unsafe { pinned.write(3) };
    check(unsafe { sys::cuMemcpyHtoDAsync_v2(counter.counter, pinned.cast(), 4, counter.gpu.stream) });
    counter.step();
    assert_eq!(counter.count(), 0);
    unsafe { pinned.write(5) };
    check(counter.gpu.wait());
    assert_eq!(counter.count(), 6);
    // Other memory is copied aside.
    let mut value = 1u32;
    check(unsafe { sys::cuMemcpyHtoDAsync_v2(counter.counter, ptr::from_mut(&mut value).cast(), 4, counter.gpu.stream) });
    value = 2;
    check(counter.gpu.wait());
    assert_eq!((counter.count(), value), (1, 2));
}

fn events_order_streams() {
    let counter = Counter::new();
    let (first, second) = (counter.gpu.stream, out(|stream| unsafe { sys::cuStreamCreate(stream, 1) }).unwrap());
    let event = out(|event| unsafe { sys::cuEventCreate(event, 0) }).unwrap();
    counter.step();
    unsafe {
        check(sys::cuEventRecord(event, first));
        check(sys::cuStreamWaitEvent(second, event, 0));
        // The other stream's copy of the counter must see the first stream's step.
        check(sys::cuMemcpyDtoDAsync_v2(counter.log + 16, counter.counter, 4, second));
        check(sys::cuStreamSynchronize(second));
    }
    assert_eq!(counter.gpu.read::<u32>(counter.log + 16, 1), [1]);
}

fn graph() {
    let counter = Counter::new();
    let (gpu, stream) = (&counter.gpu, counter.gpu.stream);
    unsafe {
        check(sys::cuStreamBeginCapture_v2(stream, CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_GLOBAL));
        counter.step();
        check(sys::cuMemcpyDtoDAsync_v2(counter.log + 28, counter.log, 4, stream));
        check(sys::cuMemsetD32Async(counter.log + 24, 9, 1, stream));
        let graph = out(|graph| sys::cuStreamEndCapture(stream, graph)).unwrap();
        check(gpu.wait());
        assert_eq!(counter.count(), 0, "capturing runs nothing");
        let count = out(|count| sys::cuGraphGetNodes(graph, ptr::null_mut(), count)).unwrap();
        let mut nodes = vec![ptr::null_mut(); count];
        check(sys::cuGraphGetNodes(graph, nodes.as_mut_ptr(), &mut { count }));
        let types: Vec<_> = nodes.iter().map(|&node| out(|kind| sys::cuGraphNodeGetType(node, kind)).unwrap()).collect();
        use CUgraphNodeType::{CU_GRAPH_NODE_TYPE_KERNEL, CU_GRAPH_NODE_TYPE_MEMCPY, CU_GRAPH_NODE_TYPE_MEMSET};
        assert_eq!(types, [CU_GRAPH_NODE_TYPE_KERNEL, CU_GRAPH_NODE_TYPE_MEMCPY, CU_GRAPH_NODE_TYPE_MEMSET]);
        let kernel = out(|parameters| sys::cuGraphKernelNodeGetParams_v2(nodes[0], parameters)).unwrap();
        assert_eq!((kernel.func, kernel.gridDimX, kernel.blockDimX), (gpu.function("step").unwrap(), 1, 1));
        let executable = out(|executable| sys::cuGraphInstantiateWithFlags(executable, graph, 0)).unwrap();
        check(sys::cuGraphDestroy(graph));
        for _ in 0..3 {
            check(sys::cuGraphLaunch(executable, stream));
        }
        check(sys::cuGraphExecDestroy(executable));
    }
    check(gpu.wait());
    assert_eq!(counter.count(), 3);
    assert_eq!(gpu.read::<f32>(counter.log, 8), [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, f32::from_bits(9), 1.0]);
}

/// Two streams in one capture, the second behind the event; both set the log's first number. What the graph leaves there.
fn forked(ordered: bool) -> u32 {
    let counter = Counter::new();
    let (first, second) = (counter.gpu.stream, out(|stream| unsafe { sys::cuStreamCreate(stream, 1) }).unwrap());
    let event = || out(|event| unsafe { sys::cuEventCreate(event, 0) }).unwrap();
    let (left, joined) = (event(), event());
    unsafe {
        check(sys::cuStreamBeginCapture_v2(first, CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_GLOBAL));
        check(sys::cuEventRecord(left, first));
        check(sys::cuStreamWaitEvent(second, left, 0));
        check(sys::cuMemsetD32Async(counter.log, 1, 1, second));
        if ordered {
            check(sys::cuEventRecord(joined, second));
            check(sys::cuStreamWaitEvent(first, joined, 0));
        }
        check(sys::cuMemsetD32Async(counter.log, 2, 1, first));
        check(sys::cuEventRecord(joined, second));
        check(sys::cuStreamWaitEvent(first, joined, 0));
        let graph = out(|graph| sys::cuStreamEndCapture(first, graph)).unwrap();
        let executable = out(|executable| sys::cuGraphInstantiateWithFlags(executable, graph, 8)).unwrap();
        check(sys::cuGraphLaunch(executable, first));
    }
    check(counter.gpu.wait());
    counter.gpu.read(counter.log, 1)[0]
}

/// What nothing orders changes places with the schedule, and nothing else does.
fn graph_in_another_order() {
    assert_eq!([true, false].map(forked), [2, 1]);
}

/// A stream that joined a capture must come back, and nobody in it may wait for work outside.
fn capture_of_two_streams() {
    let counter = Counter::new();
    let (first, second) = (counter.gpu.stream, out(|stream| unsafe { sys::cuStreamCreate(stream, 1) }).unwrap());
    let event = out(|event| unsafe { sys::cuEventCreate(event, 0) }).unwrap();
    let captured = |work: &dyn Fn() -> CUresult| unsafe {
        check(sys::cuStreamBeginCapture_v2(first, CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_GLOBAL));
        let worked = work();
        (worked, out(|graph| sys::cuStreamEndCapture(first, graph)).err())
    };
    let leave = || unsafe {
        check(sys::cuEventRecord(event, first));
        check(sys::cuStreamWaitEvent(second, event, 0));
        sys::cuMemsetD32Async(counter.log, 1, 1, second)
    };
    assert_eq!(captured(&leave), (CUresult::CUDA_SUCCESS, Some(CUresult::CUDA_ERROR_STREAM_CAPTURE_UNJOINED)));
    check(unsafe { sys::cuEventRecord(event, second) });
    let wait = || unsafe { sys::cuStreamWaitEvent(first, event, 0) };
    let refused = (CUresult::CUDA_ERROR_STREAM_CAPTURE_ISOLATION, Some(CUresult::CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
    assert_eq!(captured(&wait), refused);
}

/// What would wait, or allocate, cannot be captured, and ends the capture.
fn capture_forbids() {
    let counter = Counter::new();
    let stream = counter.gpu.stream;
    unsafe {
        check(sys::cuStreamBeginCapture_v2(stream, CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_GLOBAL));
        counter.step();
        let allocated = out(|memory| sys::cuMemAlloc_v2(memory, 4));
        assert_eq!(allocated, Err(CUresult::CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
        let ended = out(|graph| sys::cuStreamEndCapture(stream, graph));
        assert_eq!(ended, Err(CUresult::CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
    }
    counter.step();
    check(counter.gpu.wait());
    assert_eq!(counter.count(), 1);
}

/// A thread that captures for itself forbids itself alone.
fn capture_of_a_thread() {
    let counter = Counter::new();
    let stream = counter.gpu.stream;
    let context = out(|context| unsafe { sys::cuCtxGetCurrent(context) }).unwrap() as usize;
    unsafe {
        check(sys::cuStreamBeginCapture_v2(stream, CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
        counter.step();
        let beside = std::thread::spawn(move || {
            check(sys::cuCtxSetCurrent(context as sys::CUcontext));
            let memory = out(|memory| sys::cuMemAlloc_v2(memory, 4)).unwrap();
            check(sys::cuMemFree_v2(memory));
        });
        beside.join().unwrap();
        let graph = out(|graph| sys::cuStreamEndCapture(stream, graph)).unwrap();
        check(sys::cuGraphDestroy(graph));
        check(sys::cuStreamBeginCapture_v2(stream, CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
        let allocated = out(|memory| sys::cuMemAlloc_v2(memory, 4));
        assert_eq!(allocated, Err(CUresult::CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
        let ended = out(|graph| sys::cuStreamEndCapture(stream, graph));
        assert_eq!(ended, Err(CUresult::CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
    }
}

fn no_context() {
    let _gpu = Gpu::new();
    std::thread::spawn(|| {
        let allocated = out(|memory| unsafe { sys::cuMemAlloc_v2(memory, 4) });
        assert_eq!(allocated, Err(CUresult::CUDA_ERROR_INVALID_CONTEXT));
    })
    .join()
    .unwrap();
}

/// cudarc's own idea of a driver: more of its functions than the cases above call.
fn safe_cudarc() {
    let context = cudarc::driver::CudaContext::new(0).unwrap();
    assert_eq!(context.name().unwrap(), "scalefree emulator sm_89");
    let stream = context.new_stream().unwrap();
    let values: Vec<f32> = (0..1000).map(|i| i as f32).collect();
    let memory = stream.clone_htod(&values).unwrap();
    let copy = stream.clone_dtod(&memory).unwrap();
    let zeros = stream.alloc_zeros::<f32>(10).unwrap();
    assert_eq!(stream.clone_dtoh(&copy).unwrap(), values);
    assert_eq!(stream.clone_dtoh(&zeros).unwrap(), [0.0; 10]);
    stream.synchronize().unwrap();
}
