//! The code in the documents that documentation tests cannot run: whole projects, and what needs every feature.

mod getting_started;
mod usage;
