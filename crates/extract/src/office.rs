//! Office Open XML, ECMA-376: a zip of XML files.

pub(crate) mod package;
pub(crate) mod sheets;
pub(crate) mod slides;
pub(crate) mod word;
mod xml;
