//! What a browser sees.

mod alone;
mod client;
mod decoder;
mod row;

mod endings;
mod instances;
mod losses;
mod model;
mod orders;
mod own_ids;
mod page;
mod presence;
mod properties;
mod sharing;
mod streams;
