//! What can go wrong below a command, and what its caller is told.

use kernel::{Problem, kinds};

/// What the database said. Commands pass it on with `?`; they never decide on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// A constraint refused a row: a fault of ours, since expected conflicts use `ON CONFLICT` or guards.
    #[error("a constraint was violated: {0}")]
    Constraint(String),
    /// A guarded write met another number of rows than its command had decided on.
    #[error("a guarded write touched {found} rows instead of {expected}")]
    Guard {
        /// Rows the command meant to write.
        expected: u64,
        /// Rows that were there.
        found: u64,
    },
    /// Another transaction was in the way; running again helps.
    #[error("another transaction was in the way: {0}")]
    Serialization(String),
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Reading or writing the database's files failed.
    #[error("an I/O error: {0}")]
    Io(String),
    /// The connection to the database is gone, or could not be made.
    #[error("the connection to the database failed: {0}")]
    Connection(String),
    /// It took too long and was stopped.
    #[error("the statement took too long")]
    Timeout,
    /// An earlier statement of this transaction failed.
    #[error("the transaction has failed already")]
    Poisoned,
    /// A stored value is not what the program expects.
    #[error("a stored value cannot be read: {0}")]
    Decode(String),
    /// Anything else: a fault of ours.
    #[error("{0}")]
    Other(String),
}

impl DbError {
    /// Whether running the whole batch again may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Serialization(_) | Self::Connection(_))
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full,
            Some(Code::ConstraintViolation) => Self::Constraint(text),
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Serialization(text),
            Some(
                Code::SystemIoFailure
                | Code::ReadOnly
                | Code::CannotOpen
                | Code::DatabaseCorrupt
                | Code::NotADatabase,
            ) => Self::Io(text),
            Some(Code::OperationInterrupted) => Self::Timeout,
            _ => Self::Other(text),
        }
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        use tokio_postgres::error::SqlState;
        let Some(db) = error.as_db_error() else {
            let chain = chain(&error);
            return if error.is_closed() || is_io(&error) {
                Self::Connection(chain)
            } else {
                Self::Other(chain)
            };
        };
        let text = format!("{}: {}", db.code().code(), db.message());
        match db.code() {
            &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::LOCK_NOT_AVAILABLE
            // Too little memory or room in the lock table for the moment.
            | &SqlState::OUT_OF_MEMORY
            | &SqlState::CONFIGURATION_LIMIT_EXCEEDED => Self::Serialization(text),
            &SqlState::QUERY_CANCELED => Self::Timeout,
            &SqlState::DISK_FULL => Self::Full,
            &SqlState::IN_FAILED_SQL_TRANSACTION => Self::Poisoned,
            code if code.code().starts_with("23") => Self::Constraint(text),
            // 57P0x: the server is shutting down or starting; 08xxx: connection exceptions; 25P0x, the idle
            // limits: it has closed the connection; 53300: too many connections; 25006: a standby. None of them
            // is about this statement.
            code if ["57P", "08", "25P03", "25P04"].iter().any(|class| code.code().starts_with(class)) => {
                Self::Connection(text)
            }
            &SqlState::TOO_MANY_CONNECTIONS | &SqlState::READ_ONLY_SQL_TRANSACTION => Self::Connection(text),
            code if code.code().starts_with("58") => Self::Io(text),
            _ => Self::Other(text),
        }
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<std::io::Error>() {
            return true;
        }
        source = error.source();
    }
    false
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// How a command ends when it does not end well: nothing of it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<E> {
    /// Its own rules refuse.
    Refused(E),
    /// The database refuses.
    Db(DbError),
}

impl<E> From<DbError> for Failure<E> {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// Why the store could not do what it was asked, whatever it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Too much is waiting already.
    #[error("too many commands are waiting")]
    QueueFull,
    /// The deadline passed before the command could start; it never ran.
    #[error("the command waited too long and was not started")]
    Expired,
    /// The store is starting or cannot reach its database.
    #[error("the database cannot be reached")]
    NotReady,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// The disk is full; nothing was changed.
    #[error("the disk is full")]
    Full,
    /// The connection broke during COMMIT and nobody can say what became of it.
    #[error("the outcome of the commit is not known")]
    OutcomeUnknown,
    /// The command panicked and was undone.
    #[error("the command panicked")]
    Panicked,
    /// The database failed in a way that trying again may mend.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The database failed in a way that is a fault of ours.
    #[error("the database failed: {0}")]
    Failed(String),
}

impl From<DbError> for Unavailable {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Full => Self::Full,
            DbError::Connection(_) => Self::NotReady,
            DbError::Serialization(text) => Self::Busy(text),
            DbError::Timeout => Self::Busy("a statement took too long".into()),
            DbError::Guard { .. } => Self::Busy(error.to_string()),
            DbError::Constraint(_)
            | DbError::Io(_)
            | DbError::Poisoned
            | DbError::Decode(_)
            | DbError::Other(_) => Self::Failed(error.to_string()),
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        match error {
            Unavailable::QueueFull => Self::new(&kinds::UNAVAILABLE, "too much is waiting").retry_after(1),
            Unavailable::Expired => {
                Self::new(&kinds::UNAVAILABLE, "not started in time; nothing was changed").retry_after(1)
            }
            Unavailable::NotReady => {
                Self::new(&kinds::UNAVAILABLE, "the database cannot be reached").retry_after(2)
            }
            Unavailable::Closed => Self::new(&kinds::UNAVAILABLE, "the server is stopping").retry_after(5),
            Unavailable::Busy(_) => Self::new(&kinds::UNAVAILABLE, "the database is busy").retry_after(1),
            Unavailable::Full => Self::new(&kinds::STORAGE_FULL, "nothing was changed").retry_after(30),
            Unavailable::OutcomeUnknown => {
                Self::new(&kinds::OUTCOME_UNKNOWN, "the connection broke while saving").retry_after(10)
            }
            Unavailable::Panicked | Unavailable::Failed(_) => {
                Self::new(&kinds::INTERNAL, "nothing was changed")
            }
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        Unavailable::from(error).into()
    }
}

/// How a command ended for its caller when it did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError<E> {
    /// The command's own rules refused; nothing was changed.
    Refused(E),
    /// The store could not run it.
    Unavailable(Unavailable),
}

impl<E> From<Unavailable> for CallError<E> {
    fn from(error: Unavailable) -> Self {
        Self::Unavailable(error)
    }
}

impl<E: Into<Problem>> From<CallError<E>> for Problem {
    fn from(error: CallError<E>) -> Self {
        match error {
            CallError::Refused(refusal) => refusal.into(),
            CallError::Unavailable(error) => error.into(),
        }
    }
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error("cannot use the data folder {path}: {reason}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        reason: String,
    },
    /// Another process works on the same data.
    #[error("the data folder {path} is in use by {holder}; stop it first, or give another --data")]
    InUse {
        /// The folder.
        path: String,
        /// What the lock file says of its holder.
        holder: String,
    },
    /// The data was written by a newer program.
    #[error("the data of {stall} is at version {found}, this program knows {known}: run a newer halles")]
    Newer {
        /// Whose tables.
        stall: String,
        /// The version found.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The data was written by an older program, and whoever opens it only reads.
    #[error(
        "the data of {stall} is at version {found}, this program reads {known}: start halles serve on it once"
    )]
    Older {
        /// Whose tables.
        stall: String,
        /// The version found; 0 when there are none.
        found: i64,
        /// The version this program reads.
        known: i64,
    },
    /// The server's settings or version would not keep what it acknowledges.
    #[error("the PostgreSQL server cannot be used: {0}")]
    Unsafe(String),
    /// The address of the database cannot be understood.
    #[error("the database URL cannot be used: {0}")]
    Url(String),
    /// There is no database yet where a reading command wants one.
    #[error("there is no Halles database in {0}")]
    Missing(String),
    /// The database failed.
    #[error("the database cannot be opened: {0}")]
    Db(#[from] DbError),
}
