//! Ranges, sets and maps with serde. In every format they are the text that people write.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::forms::{self, Forms};
use crate::map::IpMap;
use crate::range::IpRange;
use crate::set::IpSet;

impl Serialize for IpRange {
    /// Writes `"192.0.2.1-192.0.2.9"`, or `"192.0.2.0/24"` for a network.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.net_or_range())
    }
}

impl<'de> Deserialize<'de> for IpRange {
    /// Reads a range, a network or an address as text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IpRange, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = IpRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, a network or a range as text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<IpRange, E> {
                let entry = forms::parse(text, Forms::STRICT).map_err(E::custom)?;
                Ok(entry.range())
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl Serialize for IpSet {
    /// Writes the smallest number of networks, in order.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.nets().map(IpRange::from))
    }
}

impl<'de> Deserialize<'de> for IpSet {
    /// Reads ranges, networks and addresses, in any order.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IpSet, D::Error> {
        let ranges = Vec::<IpRange>::deserialize(deserializer)?;
        Ok(ranges.into_iter().collect())
    }
}

impl<V: Serialize> Serialize for IpMap<V> {
    /// Writes a map from the text of each key to its value, in order.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(&key, value)?;
        }
        map.end()
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for IpMap<V> {
    /// Reads a map with ranges, networks and addresses as keys, in any order. A key that occurs twice
    /// is an error, because one of its values would be lost.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IpMap<V>, D::Error> {
        struct Keys<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Keys<V> {
            type Value = IpMap<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map with networks or ranges as keys")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<IpMap<V>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = map.next_entry::<IpRange, V>()? {
                    items.push(item);
                }
                let given = items.len();
                let map: IpMap<V> = items.into_iter().collect();
                if map.len() < given {
                    return Err(A::Error::custom("a key occurs twice"));
                }
                Ok(map)
            }
        }

        deserializer.deserialize_map(Keys(PhantomData))
    }
}
