//! The progress bar with its ETA on stderr, and Ctrl-C.

use crate::progress::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// Draws on a terminal; elsewhere only notes are printed, and with `--quiet` nothing.
pub(super) struct Bar {
    quiet: bool,
    bar: Mutex<ProgressBar>,
}

impl Bar {
    /// A bar that also catches Ctrl-C: the first asks the job to save and stop, the second ends the program.
    pub(super) fn new(quiet: bool) -> Self {
        // A second call in one process finds the handler installed already, which is as good.
        let _ = ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        });
        Bar { quiet, bar: Mutex::new(ProgressBar::hidden()) }
    }

    fn with_bar(&self, act: impl FnOnce(&mut ProgressBar)) {
        if let Ok(mut bar) = self.bar.lock() {
            act(&mut bar);
        }
    }
}

impl Progress for Bar {
    fn begin(&self, stage: &str, total: u64, unit: &str) {
        if self.quiet || !std::io::stderr().is_terminal() {
            return;
        }
        let template = format!("{{prefix:16}} {{bar:30}} {{pos}}/{{len}} {unit}, {{eta}} left  {{msg}}");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style);
        bar.set_prefix(stage.to_string());
        self.with_bar(|slot| *slot = bar);
    }

    fn advance(&self, done: u64, detail: &str) {
        self.with_bar(|bar| {
            bar.set_position(done);
            bar.set_message(detail.to_string());
        });
    }

    fn end(&self) {
        self.with_bar(|bar| bar.finish_and_clear());
    }

    fn note(&self, line: &str) {
        if !self.quiet {
            self.with_bar(|bar| bar.suspend(|| note!("{line}")));
        }
    }

    fn stop(&self) -> bool {
        STOP.load(Ordering::SeqCst)
    }
}
