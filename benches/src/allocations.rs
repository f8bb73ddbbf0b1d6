//! Counts the allocations of the whole process. Says zero in the program whose allocator does not count.

use alloc_tracker::{Operation, ProcessSpan, Session};

/// A count under way.
#[derive(Debug)]
pub(crate) struct Counting {
    session: Session,
    // Dropped, and thereby recorded, in `finish`.
    span: ProcessSpan,
    _operation: Operation,
}

impl Counting {
    pub(crate) fn start() -> Self {
        let session = Session::new().no_stdout().no_file();
        let operation = session.operation("run");
        Self { span: operation.measure_process(), _operation: operation, session }
    }

    /// How many allocations were made since the start.
    pub(crate) fn finish(self) -> u64 {
        drop(self.span.iterations(1));
        let report = self.session.to_report();
        report.operations().map(|(_, operation)| operation.total_allocations_count()).sum()
    }
}
