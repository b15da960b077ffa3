//! Operator settings, section `[tools]`.

use egress::IpNet;
use serde::{Deserialize, Deserializer, de};

/// Limits for all tools.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Private networks in which tools and MCP servers may be, as `10.0.5.0/24`; a list, or separated by commas.
    #[serde(default, deserialize_with = "networks")]
    pub allowed_private_cidrs: Vec<IpNet>,
}

/// As a list, as in a file, or as text, as in an environment variable.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Text(String),
        List(Vec<String>),
    }
    let given = match Given::deserialize(deserializer)? {
        Given::Text(text) => text.split(',').map(str::to_owned).collect(),
        Given::List(list) => list,
    };
    given
        .iter()
        .map(|net| net.trim())
        .filter(|net| !net.is_empty())
        .map(|net| {
            net.parse().map_err(|_| {
                de::Error::custom(format_args!("{net:?} is not a network; write it as 10.0.5.0/24"))
            })
        })
        .collect()
}
