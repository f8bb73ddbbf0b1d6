//! The integration tests, one binary: linking dominates.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a step that fails must end the test on the spot")]

/// Every broker keeps every promise.
mod brokers;
/// How a worker shares its slots.
mod concurrency;
/// What a message costs Redis under load.
mod cost;
/// Worker processes are killed.
mod crash;
/// What the documents tell readers to type works.
mod docs;
/// Sends that wait for replicas or the disk.
mod durability;
/// The programs that readers run first.
mod examples;
/// How a worker shares its slots between queues, and what it knows with other workers.
mod fairness;
/// What a program pays for with which feature.
mod features;
/// Sentinel, cluster, TLS, users with few permissions.
mod high_availability;
/// A broker that takes nothing says why.
mod limits;
/// What a worker tells about its work.
mod logs;
/// The scripts do what the broker in memory does.
mod model;
/// The server stops, forgets scripts, drops connections while a worker works.
mod outage;
/// What tasks return goes out through the middleware.
mod output;
/// What a task sends goes where its worker is.
mod own_client;
/// Messages that cannot end well end where they are promised to.
mod poison;
/// A producer that goes on while things break.
mod producer;
/// Probes of a worker process.
mod readiness;
/// What a worker tells of itself.
mod records;
/// What is special to the Redis broker: declared keys, repeats, addresses, trouble with the server.
mod redis_broker;
/// A server that refuses what a queue needs closes that queue.
mod refused;
/// Sending, dead letters.
mod sends;
/// Which server all of this runs on.
mod server;
/// Worker processes are asked to stop.
mod shutdown;
/// A worker process is frozen beyond its lease and wakes.
mod stall;
/// What keeps a worker from starting.
mod start;
/// What the tests of running workers share.
mod support;
/// Messages taken before there is a slot for them are lost to nobody.
mod taken_ahead;
/// A worker that cannot do its work says so and ends.
mod testing_kit;
/// Programs of different versions share a queue.
mod version_skew;
/// A worker that makes no progress says so and ends.
mod watchdog;
