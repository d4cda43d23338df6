//! Networks as data, their parameters in one flat arena, and the tape that runs them forward and backward.

mod architecture;
mod initialise;
pub mod layout;
mod model;
mod tape;

#[cfg(feature = "cli")]
pub(crate) use architecture::check_filters;
pub use architecture::{Architecture, Image, Kind, Layer, Parameter, Pool};
pub use initialise::{Init, initialise};
pub(crate) use model::read_notes;
pub use model::{DType, Model, Scaling, read_tensors, write_tensors};
pub use tape::{Mode, Tape};
#[cfg(feature = "cli")]
pub(crate) use tape::{conv_config, dense_config};
