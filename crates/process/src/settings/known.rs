//! The settings that exist, as the defaults file lists them.

use super::{
    PREFIX,
    error::{SettingsError, is_secret},
};
use config::{Map, Value, ValueKind};
use std::collections::{BTreeMap, BTreeSet};

/// Every section and setting by its dotted name.
pub(super) struct Known {
    kinds: BTreeMap<String, Kind>,
    /// Settings that are the same as another one unless given.
    references: Vec<(String, String)>,
    /// Settings that may be left out.
    optional: BTreeSet<String>,
}

/// What a setting takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Section,
    /// A section that takes any names.
    Open,
    Flag,
    Whole,
    Number,
    Text,
    List,
}

impl Kind {
    fn of(value: &ValueKind) -> Self {
        match value {
            ValueKind::Table(inside) if inside.is_empty() => Self::Open,
            ValueKind::Table(_) => Self::Section,
            ValueKind::Boolean(_) => Self::Flag,
            ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => Self::Whole,
            ValueKind::Float(_) => Self::Number,
            ValueKind::Array(_) => Self::List,
            ValueKind::Nil | ValueKind::String(_) => Self::Text,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Section | Self::Open => "a section",
            Self::Flag => "true or false",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
        }
    }

    fn takes(self, given: Self) -> bool {
        match self {
            Self::Section | Self::Open => matches!(given, Self::Section | Self::Open),
            Self::Number => matches!(given, Self::Number | Self::Whole),
            other => other == given,
        }
    }
}

impl Known {
    pub(super) fn of(defaults: Map<String, Value>) -> Self {
        let mut known = Self {
            kinds: BTreeMap::new(),
            references: Vec::new(),
            optional: BTreeSet::new(),
        };
        known.add("", defaults);
        known
    }

    fn add(&mut self, above: &str, values: Map<String, Value>) {
        for (name, value) in values {
            let setting = join(above, &name);
            self.kinds.insert(setting.clone(), Kind::of(&value.kind));
            match value.kind {
                ValueKind::Table(inside) => self.add(&setting, inside),
                ValueKind::String(text) => {
                    if let Some(same_as) = text.strip_prefix('=') {
                        self.references.push((setting, same_as.to_owned()));
                    } else if text.is_empty() {
                        self.optional.insert(setting);
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn references(&self) -> impl Iterator<Item = (&str, &str)> {
        self.references
            .iter()
            .map(|(setting, same_as)| (setting.as_str(), same_as.as_str()))
    }

    /// Removes settings that may be left out and are.
    pub(super) fn leave_out_empty(&self, above: &str, values: &mut Map<String, Value>) {
        values.retain(|name, value| {
            let setting = join(above, name);
            match &mut value.kind {
                ValueKind::Table(inside) => self.leave_out_empty(&setting, inside),
                ValueKind::String(text) if text.is_empty() => return !self.optional.contains(&setting),
                _ => {}
            }
            true
        });
    }

    pub(super) fn has(&self, setting: &str) -> bool {
        self.kinds.contains_key(setting)
    }

    /// Refuses names that do not exist and values of another type.
    pub(super) fn check(
        &self,
        above: &str,
        values: &Map<String, Value>,
        origin: &str,
    ) -> Result<(), SettingsError> {
        let mut values: Vec<_> = values.iter().collect();
        values.sort_by_key(|(name, _)| *name);
        for (name, value) in values {
            let setting = join(above, name);
            let Some(kind) = self.kind(&setting) else {
                let nearest = format!("{:?}", self.nearest(&setting));
                return Err(SettingsError::Unknown {
                    given: format!("{setting:?}"),
                    origin: origin.to_owned(),
                    nearest,
                });
            };
            if !kind.takes(Kind::of(&value.kind)) {
                return Err(SettingsError::WrongType {
                    given: shown(&setting, kind, &value.kind),
                    setting: format!("{setting:?}"),
                    origin: origin.to_owned(),
                    expected: kind.name(),
                });
            }
            if let (Kind::Section, ValueKind::Table(inside)) = (kind, &value.kind) {
                self.check(&setting, inside, origin)?;
            }
        }
        Ok(())
    }

    /// Reads an environment variable's text as the setting's type.
    pub(super) fn read(&self, setting: &str, variable: &str, text: &str) -> Result<Value, SettingsError> {
        let unknown = || SettingsError::Unknown {
            given: variable.to_owned(),
            origin: "the environment".to_owned(),
            nearest: format!(
                "{PREFIX}{}",
                self.nearest(setting).to_uppercase().replace('.', "__")
            ),
        };
        let kind = self.kind(setting).ok_or_else(unknown)?;
        let trimmed = text.trim();
        let value = match kind {
            Kind::Section | Kind::Open => return Err(unknown()),
            Kind::Flag => trimmed.to_lowercase().parse().ok().map(ValueKind::Boolean),
            Kind::Whole => trimmed.parse().ok().map(ValueKind::I64),
            Kind::Number => trimmed.parse().ok().map(ValueKind::Float),
            Kind::Text => Some(ValueKind::String(text.to_owned())),
            Kind::List => Some(ValueKind::Array(
                trimmed
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Value::new(None, ValueKind::String(item.to_owned())))
                    .collect(),
            )),
        };
        let value = value.ok_or_else(|| SettingsError::WrongType {
            setting: variable.to_owned(),
            origin: "the environment".to_owned(),
            expected: kind.name(),
            given: if is_secret(setting) {
                "what was given".to_owned()
            } else {
                format!("{text:?}")
            },
        })?;
        Ok(Value::new(Some(&variable.to_owned()), value))
    }

    /// A name below an open section is whatever it is given as: a text.
    fn kind(&self, setting: &str) -> Option<Kind> {
        if let Some(kind) = self.kinds.get(setting) {
            return Some(*kind);
        }
        let (above, name) = setting.rsplit_once('.')?;
        (self.kinds.get(above) == Some(&Kind::Open) && !name.is_empty()).then_some(Kind::Text)
    }

    /// The name most alike; among equals the one of the same depth.
    fn nearest(&self, setting: &str) -> &str {
        let depth = setting.matches('.').count();
        self.kinds
            .keys()
            .max_by(|left, right| {
                let likeness = |name: &str| {
                    let apart = name.matches('.').count().abs_diff(depth);
                    #[expect(clippy::cast_precision_loss, reason = "names are a few sections deep")]
                    let apart = apart as f64;
                    strsim::normalized_damerau_levenshtein(name, setting) - 0.1 * apart
                };
                likeness(left).total_cmp(&likeness(right))
            })
            .map_or("", String::as_str)
    }
}

fn join(above: &str, name: &str) -> String {
    if above.is_empty() {
        name.to_owned()
    } else {
        format!("{above}.{name}")
    }
}

/// A value for an error; only its type where the setting is a text, for that may be a secret that was not quoted.
fn shown(setting: &str, kind: Kind, given: &ValueKind) -> String {
    match given {
        given if is_secret(setting) || kind == Kind::Text => Kind::of(given).name().to_owned(),
        ValueKind::String(text) => format!("{text:?}"),
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => Kind::of(given).name().to_owned(),
        plain => plain.to_string(),
    }
}
