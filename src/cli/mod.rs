//! The command line: a file a subcommand, or a few that are alike, each thin: arguments -> library call -> output.

#[macro_use]
mod output;

mod attack;
mod bench;
mod common;
mod compute;
mod data;
mod device;
mod gradcheck;
mod models;
mod network;
mod plot;
mod powerlaw;
mod progress;
mod reproduce;
mod sweep;
mod train;

use clap::{Parser, Subcommand};
use common::Common;
use std::process::ExitCode;

/// Predicts, designs and analyses wave localisation in disordered lattices.
#[derive(Parser)]
#[command(name = "scalefree", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
enum Command {
    /// The whole paper: data, D2L, L2D, designs, analysis, figures, report (resumable)
    Reproduce(reproduce::Args),
    /// Reproductions at many settings, and one table over them (resumable)
    Sweep(sweep::Args),
    /// Random lattices with their true mode areas (resumable)
    Generate(data::GenerateArgs),
    /// True mode areas and energies of given displacements
    Solve(data::SolveArgs),
    /// Train a network (resumable)
    Train(train::Args),
    /// Accuracy of a model on a data set, beside two baselines
    Evaluate(network::EvaluateArgs),
    /// Mode areas of given structures, by a D2L
    Predict(network::PredictArgs),
    /// Structures for target mode areas, by an L2D, with the Hamiltonian truth of what it made
    Design(network::DesignArgs),
    /// The models of a folder, with what they tell of themselves
    Models(models::Args),
    /// Robustness and hub atoms: move every atom a little and see what each mode does (Fig. 6)
    Attack(attack::Args),
    /// Fit a power law to the tail of any positive numbers
    Powerlaw(powerlaw::Args),
    /// Draw a figure of the paper from the saved data of a reproduction
    Plot(plot::Args),
    /// Check every gradient against central differences
    Gradcheck(gradcheck::Args),
    /// Time ops, training steps and labelling on the device; compare two such reports
    Bench(bench::Args),
    /// What was found to compute on, what was not, and why
    Device,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Reproduce(args) => reproduce::run(&args, &cli.common),
        Command::Sweep(args) => sweep::run(&args, &cli.common),
        Command::Generate(args) => data::generate(&args, &cli.common),
        Command::Solve(args) => data::solve(&args, &cli.common),
        Command::Train(args) => train::run(&args, &cli.common),
        Command::Evaluate(args) => network::evaluate(&args, &cli.common),
        Command::Predict(args) => network::predict(&args, &cli.common),
        Command::Design(args) => network::design(&args, &cli.common),
        Command::Models(args) => models::run(&args, &cli.common),
        Command::Attack(args) => attack::run(&args, &cli.common),
        Command::Powerlaw(args) => powerlaw::run(&args, &cli.common),
        Command::Plot(args) => plot::run(&args, &cli.common),
        Command::Gradcheck(args) => gradcheck::run(&args, &cli.common),
        Command::Bench(args) => bench::run(&args, &cli.common),
        Command::Device => device::run(&cli.common),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
