//! Work of the stream recorded once as a CUDA graph, and launched as often as wanted by one call.
//!
//! A graph holds kernels, fills and copies alone. Memory nodes would give each launch other addresses, and a host function would stop
//! the card for the host: work that leaves such nodes is refused.

use super::context::Context;
use super::{Cuda, CudaFault};
use crate::Result;
use crate::device::Replay;
use cudarc::driver::sys::{self, CUgraph, CUgraphExec, CUgraphNodeType, CUstreamCaptureMode};
use std::ptr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Held while work is recorded, and by callers of cuSOLVER: the library waits for the whole card, which spoils a recording even where it
/// is another thread's on another stream.
static RECORDING: RwLock<()> = RwLock::new(());

/// Nothing is recorded as long as this is held.
pub(super) fn hold_recordings() -> RwLockReadGuard<'static, ()> {
    RECORDING.read().unwrap_or_else(PoisonError::into_inner)
}

/// Recorded work of a card.
pub struct CudaGraph {
    context: Arc<Context>,
    executable: CUgraphExec,
    /// The kernels inside, for the words of a fault.
    kernels: Vec<&'static str>,
}

// SAFETY: the driver's handles may be used from any thread once the context is current there; a launch does not change the graph.
unsafe impl Send for CudaGraph {}
// SAFETY: as above.
unsafe impl Sync for CudaGraph {}

impl Drop for CudaGraph {
    fn drop(&mut self) {
        if self.context.enter().is_ok() {
            // SAFETY: nothing else holds the executable; the driver frees it after the launches under way.
            unsafe { sys::cuGraphExecDestroy(self.executable) };
        }
    }
}

impl Replay for Cuda {
    type Graph = CudaGraph;

    fn record(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<Option<CudaGraph>> {
        let context = &self.context;
        if !self.graphs || context.blocking {
            return Ok(None);
        }
        let _recording = RECORDING.write().unwrap_or_else(PoisonError::into_inner);
        context.synchronize()?;
        let alone = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the context is current and the stream lives.
        context.check("cuStreamBeginCapture", unsafe { sys::cuStreamBeginCapture_v2(context.stream, alone) })?;
        let worked = work();
        let mut raw = ptr::null_mut();
        // SAFETY: the capture began on this thread; `raw` lives. It must end whatever became of the work.
        let ended = unsafe { sys::cuStreamEndCapture(context.stream, &mut raw) };
        let template = Template(raw);
        // Nothing ran, so nothing is under way.
        let kernels = context.take_under_way();
        worked?;
        context.check("cuStreamEndCapture", ended)?;
        template.check(context)?;
        let mut executable = ptr::null_mut();
        // Without this every node has the priority of the stream that the graph is launched on.
        let priorities = u64::from(sys::CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY.0);
        // SAFETY: the template is a whole graph; `executable` lives.
        let code = unsafe { sys::cuGraphInstantiateWithFlags(&mut executable, template.0, priorities) };
        context.check("cuGraphInstantiate", code)?;
        Ok(Some(CudaGraph { context: context.clone(), executable, kernels }))
    }

    unsafe fn replay(&self, graph: &CudaGraph) -> Result<()> {
        let context = &self.context;
        context.enter()?;
        for kernel in &graph.kernels {
            context.launching(kernel);
        }
        // SAFETY: the executable lives as long as `graph`; the caller promises that its buffers do.
        context.check("cuGraphLaunch", unsafe { sys::cuGraphLaunch(graph.executable, context.stream) })
    }
}

/// A captured graph before it is made executable; null where the capture failed.
struct Template(CUgraph);

impl Template {
    /// Are all nodes of a kind that may be replayed?
    fn check(&self, context: &Context) -> Result<()> {
        let mut count = 0;
        // SAFETY: the graph is whole; with null for the nodes their number is asked.
        context.check("cuGraphGetNodes", unsafe { sys::cuGraphGetNodes(self.0, ptr::null_mut(), &mut count) })?;
        let mut nodes = vec![ptr::null_mut(); count];
        // SAFETY: there is room for `count` nodes.
        context.check("cuGraphGetNodes", unsafe { sys::cuGraphGetNodes(self.0, nodes.as_mut_ptr(), &mut count) })?;
        for node in nodes {
            // A kind that this program does not know would be no value of the enum, so it is asked for as a number.
            let mut kind = u32::MAX;
            // SAFETY: the node is of this graph; the enum is a u32.
            let code = unsafe { sys::cuGraphNodeGetType(node, (&raw mut kind).cast::<CUgraphNodeType>()) };
            context.check("cuGraphNodeGetType", code)?;
            if !may_be_replayed(kind) {
                return Err(CudaFault::GraphNode { kind }.into());
            }
        }
        Ok(())
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the graph is ours; an executable made from it is a copy.
            unsafe { sys::cuGraphDestroy(self.0) };
        }
    }
}

fn may_be_replayed(kind: u32) -> bool {
    use CUgraphNodeType::{CU_GRAPH_NODE_TYPE_KERNEL, CU_GRAPH_NODE_TYPE_MEMCPY, CU_GRAPH_NODE_TYPE_MEMSET};
    [CU_GRAPH_NODE_TYPE_KERNEL, CU_GRAPH_NODE_TYPE_MEMCPY, CU_GRAPH_NODE_TYPE_MEMSET].iter().any(|allowed| *allowed as u32 == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_nodes_are_refused() {
        use CUgraphNodeType::{CU_GRAPH_NODE_TYPE_HOST, CU_GRAPH_NODE_TYPE_MEM_ALLOC, CU_GRAPH_NODE_TYPE_MEM_FREE};
        assert!(may_be_replayed(CUgraphNodeType::CU_GRAPH_NODE_TYPE_KERNEL as u32));
        for kind in [CU_GRAPH_NODE_TYPE_HOST, CU_GRAPH_NODE_TYPE_MEM_ALLOC, CU_GRAPH_NODE_TYPE_MEM_FREE] {
            assert!(!may_be_replayed(kind as u32));
        }
    }
}
