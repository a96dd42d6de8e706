//! What is made of the figures: tables for people, JSON for programs, pages and pictures for the guide.

pub(crate) mod json;
pub(crate) mod pages;
pub(crate) mod picture;
pub(crate) mod table;
