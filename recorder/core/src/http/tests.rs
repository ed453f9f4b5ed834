//! Scripts of bytes, gaps and ends, and the exchanges they make: each script whole, byte by byte, and cut at random.

mod bounds;
mod framing_table;
mod h2;
mod loss;
mod peers;
mod playbook;
mod properties;
mod wire;
