//! What connects several instances.

mod horizon;
mod link;
mod outbox;
mod record;
mod seen;

#[cfg(feature = "redis")]
mod redis;

use std::{error::Error, future::Future};

pub use self::record::Record;
#[cfg(feature = "redis")]
pub use self::redis::RedisBackplane;

pub(crate) use self::{
    horizon::Standing,
    link::connect,
    outbox::{Outbox, Sent},
    record::{Content, Wire},
};

/// Why a backplane did not answer. It is logged; what is not sent is tried again.
pub type BackplaneError = Box<dyn Error + Send + Sync>;

/// One row of records that every instance appends to and reads in the same order.
///
/// The broadcaster does the rest: it keeps a local history, goes on alone while the backplane is
/// out of reach, catches up afterwards, and drops what arrives twice.
pub trait Backplane: Send + Sync + 'static {
    /// What the row is now. Called at the start and every few seconds.
    ///
    /// A row of the epoch that is known has lost records when the last one that is known is not
    /// in it, unless it and all before it were dropped, or it is 0: it begins anew, with another
    /// epoch.
    fn open(&self, known: &Known) -> impl Future<Output = Result<Row, BackplaneError>> + Send;

    /// Appends records in order and returns their sequences, each greater than all before it.
    ///
    /// It is an error when the row is not the one that is known, or lacks what is known of it.
    /// After an error the records are appended again, all of them; readers drop what is there
    /// twice, and get a gap where one is missing.
    fn append(
        &self,
        records: &[Record],
        known: &Known,
    ) -> impl Future<Output = Result<Vec<u64>, BackplaneError>> + Send;

    /// The next records after a sequence; waits about a second for one, and may return none.
    ///
    /// The sequence is 0, that of a record, or [`Row::lost`]. It is an error when the first record
    /// does not follow that one in the row, because others between them were dropped, or because
    /// the row has lost it.
    fn read(
        &self,
        after: u64,
    ) -> impl Future<Output = Result<Vec<(u64, Record)>, BackplaneError>> + Send;
}

/// What an instance knows of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The epoch of the row; that of no row before the first look at one.
    pub epoch: String,
    /// The greatest sequence that the instance was told, 0 if none.
    pub last: u64,
}

/// The state of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The name of this life of the row, up to 32 ASCII letters and digits. It changes when records
    /// were lost as a whole.
    pub epoch: String,
    /// The sequence of the newest record that was dropped, 0 if none was.
    pub lost: u64,
    /// The sequence of the newest record.
    pub last: u64,
}
