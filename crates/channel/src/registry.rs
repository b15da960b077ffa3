//! All platforms, by name.

use crate::ChannelHandle;
use domain::Platform;
use std::collections::BTreeMap;

/// All platforms this installation knows, by name.
#[derive(Clone, Default)]
pub struct Registry {
    channels: BTreeMap<Platform, ChannelHandle>,
}

/// The list of platforms is wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two entries share a name.
    #[error("the platform {0} is listed twice")]
    Twice(Platform),
    /// An entry's name cannot stand in a URL.
    #[error(transparent)]
    Name(#[from] domain::PlatformError),
}

impl Registry {
    /// All of these, each listed once.
    pub fn new(channels: impl IntoIterator<Item = ChannelHandle>) -> Result<Self, RegistryError> {
        let mut registry = Self::default();
        for channel in channels {
            let platform = Platform::try_from(channel.platform().as_str())?;
            if registry.channels.insert(platform.clone(), channel).is_some() {
                return Err(RegistryError::Twice(platform));
            }
        }
        Ok(registry)
    }

    /// The platform of this name.
    pub fn get(&self, platform: &Platform) -> Option<&ChannelHandle> {
        self.channels.get(platform)
    }

    /// All platforms, by name.
    pub fn iter(&self) -> impl Iterator<Item = &ChannelHandle> {
        self.channels.values()
    }
}
