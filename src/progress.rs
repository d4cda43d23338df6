//! How long jobs speak to whoever started them: progress, notes, and the wish to stop.
//! The library calls this trait; the command line draws the bar and catches Ctrl-C.

/// A listener to a long job. Every method has a silent default.
pub trait Progress: Sync {
    /// A stage begins: `total` units of work, each called `unit`.
    fn begin(&self, _stage: &str, _total: u64, _unit: &str) {}
    /// `done` units of the stage's total are complete; `detail` is a short word on how it goes.
    fn advance(&self, _done: u64, _detail: &str) {}
    /// The stage is over.
    fn end(&self) {}
    /// One line that the user should read whatever the bar does.
    fn note(&self, _line: &str) {}
    /// Has the user asked to stop? Long jobs ask between pieces of work, save, and return [`crate::Error::Interrupted`].
    fn stop(&self) -> bool {
        false
    }
}

/// Nobody listens.
pub struct Silent;

impl Progress for Silent {}

/// A part of a stage: what it advances comes after `before` units that are done already, and its own stages are not told.
pub(crate) struct Part<'a> {
    pub(crate) progress: &'a dyn Progress,
    pub(crate) before: u64,
}

impl Progress for Part<'_> {
    fn advance(&self, done: u64, detail: &str) {
        self.progress.advance(self.before + done, detail);
    }

    fn note(&self, line: &str) {
        self.progress.note(line);
    }

    fn stop(&self) -> bool {
        self.progress.stop()
    }
}

/// Work inside a unit of a stage: passes on notes and the wish to stop.
pub(crate) struct Within<'a>(pub(crate) &'a dyn Progress);

impl Progress for Within<'_> {
    fn note(&self, line: &str) {
        self.0.note(line);
    }

    fn stop(&self) -> bool {
        self.0.stop()
    }
}
