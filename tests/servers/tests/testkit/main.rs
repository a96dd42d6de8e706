//! The testkit's private servers do what they say, and leave nothing behind.

mod postgres;
