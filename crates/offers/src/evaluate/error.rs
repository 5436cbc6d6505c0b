//! Why a log cannot be evaluated.

use super::log_format::Format;
use super::target::UnknownTarget;

/// Why a log cannot be evaluated: what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The file could not be read.
    #[error("the log cannot be read: {0}")]
    Read(#[source] std::io::Error),
    /// A gzip file that ends too early.
    #[error("the gzip file is cut short after line {line}: copy or download it again")]
    CutShort {
        /// The last whole line.
        line: u64,
    },
    /// A gzip file whose content is damaged.
    #[error("the gzip file is damaged after line {line}: copy or download it again")]
    Damaged {
        /// The last whole line.
        line: u64,
    },
    /// The file is of another kind.
    #[error("this is {found}, not {expected}: {advice}")]
    OtherKind {
        /// What the file looks like.
        found: &'static str,
        /// What was asked for.
        expected: Format,
        /// What to do.
        advice: &'static str,
    },
    /// Nothing in the file.
    #[error("the log is empty")]
    Empty,
    /// A header without rows, or lines without any slot.
    #[error("the log has no row to evaluate: nothing was shown in it")]
    NoRows,
    /// A single row or decision.
    #[error("the log holds a single row or decision: an estimate with an interval needs at least two")]
    Single,
    /// A column that must be there is not.
    #[error("line 1 has no column `{column}`: an Open Bandit log has the columns {}", super::obd::COLUMNS.join(", "))]
    NoColumn {
        /// The missing column.
        column: &'static str,
    },
    /// A line with more or fewer values than the header.
    #[error("line {line} has {found} values where the header has {expected}: the line is damaged or cut")]
    Width {
        /// The line, from 1.
        line: u64,
        /// Values of the line.
        found: u64,
        /// Columns of the header.
        expected: u64,
    },
    /// A value that cannot be.
    #[error("line {line}, column `{column}`: `{found}` is not {expected}")]
    Value {
        /// The line, from 1.
        line: u64,
        /// The column of a CSV file, or the field of a decision.
        column: &'static str,
        /// What is there, shortened.
        found: String,
        /// What must be there.
        expected: &'static str,
    },
    /// A line that is not a decision.
    #[error("line {line}, character {column}: not a decision: {problem}")]
    Json {
        /// The line, from 1.
        line: u64,
        /// Where in the line, from 1.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// A line that is too long to be one.
    #[error("line {line} is longer than {} KiB: the file is damaged, or of another kind", super::input::LONGEST_LINE / 1024)]
    LineTooLong {
        /// The line, from 1.
        line: u64,
    },
    /// More of something than can be told apart.
    #[error("line {line}: too many {what} for one log: split it, or look whether it is damaged")]
    TooMany {
        /// The line, from 1.
        line: u64,
        /// What there is too much of.
        what: &'static str,
    },
    /// The policy would have shown nothing of what the log shows.
    #[error("the log never shows what this policy would show, so it cannot tell what that would bring")]
    NoOverlap,
    /// An Open Bandit log records clicks only.
    #[error("an Open Bandit log records clicks only: choose click as the reward, or give CLICK a weight")]
    ClicksOnly,
    /// A reward weight outside 0 to 1, or all weights 0.
    #[error("reward weights are numbers from 0 to 1, and at least one is above 0")]
    Weights,
    /// A limit of weights that is not a positive number.
    #[error("weights are clipped at a positive number")]
    Clip,
    /// The policy is not known, or needs what a log does not hold.
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    /// The training log is at fault.
    #[error("training log: {0}")]
    Training(#[source] Box<EvaluateError>),
}
