//! Tool definitions as OpenAI writes them into the prompt: a TypeScript namespace.

use crate::json::{Malformed, Reader};
use std::borrow::Cow;
use std::fmt::Write;

type Result<T> = std::result::Result<T, Malformed>;

/// Schemas nest; beyond this the type is written `any`.
const DEEPEST: usize = 12;
/// Bytes that following `$ref`s may read beyond eight times the schema: a schema that points at itself from many places
/// would otherwise cost the power of its depth.
const SPARE_FUEL: usize = 1 << 16;

/// The name, description and schema of one tool, in either the `tools` or the legacy `functions` shape.
#[derive(Default)]
pub(super) struct Tool<'a> {
    pub name: Cow<'a, str>,
    pub description: Cow<'a, str>,
    pub parameters: &'a [u8],
}

impl<'a> Tool<'a> {
    pub fn read(raw: &'a [u8]) -> Result<Self> {
        let mut tool = Self::default();
        tool.fill(raw)?;
        Ok(tool)
    }

    fn fill(&mut self, raw: &'a [u8]) -> Result<()> {
        let mut inner: &'a [u8] = b"";
        Reader::new(raw).members(|key, value| {
            match key {
                "function" | "custom" => inner = value,
                "name" => self.name = text(value)?,
                "description" => self.description = text(value)?,
                "parameters" | "input_schema" => self.parameters = value,
                _ => {}
            }
            Ok(())
        })?;
        if Reader::new(inner).is_object() {
            self.fill(inner)
        } else {
            Ok(())
        }
    }
}

/// The namespace that declares `tools`.
pub(super) fn typescript(tools: &[Tool<'_>]) -> Result<String> {
    let mut out = String::from("namespace functions {\n\n");
    for tool in tools {
        comment(&tool.description, &mut out);
        let root = Schema::read(tool.parameters)?;
        match root.properties {
            Some(properties) if has_members(properties) => {
                let _ = write!(out, "type {} = (_: ", tool.name);
                let fuel = 8 * tool.parameters.len() + SPARE_FUEL;
                Writer {
                    root: tool.parameters,
                    fuel,
                    out: &mut out,
                }
                .object(&root, properties, 0)?;
                out.push_str(") => any;\n\n");
            }
            _ => {
                let _ = write!(out, "type {} = () => any;\n\n", tool.name);
            }
        }
    }
    out.push_str("} // namespace functions");
    Ok(out)
}

fn comment(description: &str, out: &mut String) {
    for line in description.trim().lines() {
        let _ = writeln!(out, "// {}", line.trim());
    }
}

fn has_members(raw: &[u8]) -> bool {
    let mut any = false;
    let _ = Reader::new(raw).members(|_, _| {
        any = true;
        Ok(())
    });
    any
}

fn text(raw: &[u8]) -> Result<Cow<'_, str>> {
    let mut reader = Reader::new(raw);
    if reader.is_string() {
        reader.string()
    } else {
        Ok(Cow::Borrowed(""))
    }
}

/// The members of a JSON schema that show in the TypeScript.
#[derive(Default)]
struct Schema<'a> {
    kind: Cow<'a, str>,
    description: Cow<'a, str>,
    reference: Cow<'a, str>,
    properties: Option<&'a [u8]>,
    items: Option<&'a [u8]>,
    default: Option<&'a [u8]>,
    /// Sorted.
    required: Vec<Cow<'a, str>>,
    choices: &'a [u8],
    variants: &'a [u8],
}

impl<'a> Schema<'a> {
    fn read(raw: &'a [u8]) -> Result<Self> {
        let mut schema = Self::default();
        if !Reader::new(raw).is_object() {
            return Ok(schema);
        }
        Reader::new(raw).members(|key, value| {
            match key {
                "type" => schema.kind = text(value)?,
                "description" => schema.description = text(value)?,
                "$ref" => schema.reference = text(value)?,
                "properties" if Reader::new(value).is_object() => schema.properties = Some(value),
                "items" => schema.items = Some(value),
                "default" => schema.default = Some(value),
                "required" => each(value, |item| {
                    schema.required.push(text(item)?);
                    Ok(())
                })?,
                "enum" => schema.choices = value,
                "anyOf" | "oneOf" => schema.variants = value,
                _ => {}
            }
            Ok(())
        })?;
        schema.required.sort_unstable();
        Ok(schema)
    }

    fn requires(&self, key: &str) -> bool {
        self.required
            .binary_search_by(|name| name.as_ref().cmp(key))
            .is_ok()
    }
}

fn each<'a>(raw: &'a [u8], f: impl FnMut(&'a [u8]) -> Result<()>) -> Result<()> {
    if Reader::new(raw).is_array() {
        Reader::new(raw).items(f)
    } else {
        Ok(())
    }
}

struct Writer<'a, 'o> {
    /// The tool's whole schema, in which `$ref` points.
    root: &'a [u8],
    fuel: usize,
    out: &'o mut String,
}

impl<'a> Writer<'a, '_> {
    fn object(&mut self, schema: &Schema<'a>, properties: &'a [u8], depth: usize) -> Result<()> {
        self.out.push_str("{\n");
        Reader::new(properties).members(|key, value| {
            let member = Schema::read(value)?;
            comment(&member.description, self.out);
            let optional = if schema.requires(key) { "" } else { "?" };
            let _ = write!(self.out, "{key}{optional}: ");
            self.kind(&member, depth)?;
            self.out.push(',');
            if let Some(default) = member.default {
                let _ = write!(
                    self.out,
                    " // default: {}",
                    String::from_utf8_lossy(default)
                );
            }
            self.out.push('\n');
            Ok(())
        })?;
        self.out.push('}');
        Ok(())
    }

    fn kind(&mut self, schema: &Schema<'a>, depth: usize) -> Result<()> {
        if depth >= DEEPEST {
            self.out.push_str("any");
        } else if !schema.reference.is_empty() {
            match self.resolve(&schema.reference) {
                Some(target) => self.kind(&Schema::read(target)?, depth + 1)?,
                None => self.out.push_str("any"),
            }
        } else if !schema.choices.is_empty() {
            self.alternatives(schema.choices, |writer, item| {
                writer.out.push_str(&String::from_utf8_lossy(item));
                Ok(())
            })?;
        } else if !schema.variants.is_empty() {
            self.alternatives(schema.variants, |writer, item| {
                writer.kind(&Schema::read(item)?, depth + 1)
            })?;
        } else {
            self.plain(schema, depth)?;
        }
        Ok(())
    }

    fn plain(&mut self, schema: &Schema<'a>, depth: usize) -> Result<()> {
        match schema.kind.as_ref() {
            "integer" | "number" => self.out.push_str("number"),
            kind @ ("string" | "boolean" | "null") => self.out.push_str(kind),
            "array" => {
                let item = Schema::read(schema.items.unwrap_or_default())?;
                self.kind(&item, depth + 1)?;
                self.out.push_str("[]");
            }
            "object" if schema.properties.is_some() => {
                self.object(schema, schema.properties.unwrap_or_default(), depth + 1)?;
            }
            "object" => self.out.push_str("object"),
            _ => self.out.push_str("any"),
        }
        Ok(())
    }

    fn alternatives(
        &mut self,
        list: &'a [u8],
        mut write: impl FnMut(&mut Self, &'a [u8]) -> Result<()>,
    ) -> Result<()> {
        let mut first = true;
        each(list, |item| {
            if !std::mem::take(&mut first) {
                self.out.push_str(" | ");
            }
            write(self, item)
        })
    }

    /// What `#/$defs/Name` points at, while the fuel lasts.
    fn resolve(&mut self, reference: &str) -> Option<&'a [u8]> {
        let mut at = self.root;
        for step in reference
            .trim_start_matches('#')
            .split('/')
            .filter(|step| !step.is_empty())
        {
            self.fuel = self.fuel.checked_sub(at.len())?;
            let mut found: &'a [u8] = b"";
            let _ = Reader::new(at).members(|key, value| {
                if key == step {
                    found = value;
                }
                Ok(())
            });
            at = found;
        }
        self.fuel = self.fuel.checked_sub(at.len())?;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_reads_as_openai_writes_it() {
        let raw = br##"{"type":"function","function":{"name":"plan","description":" Plan.\n   Twice. ","parameters":{
            "$defs":{"Leg":{"type":"object","properties":{"to":{"type":"string","description":"Where"}},"required":["to"]}},
            "properties":{"legs":{"type":"array","items":{"$ref":"#/$defs/Leg"}},"mode":{"enum":["a","b"]},
            "n":{"anyOf":[{"type":"integer"},{"type":"null"}],"default":null}},"required":["legs"],"type":"object"}}}"##;
        let bare = br#"{"name":"ping","parameters":{"type":"object","properties":{}}}"#;
        let tools = [Tool::read(raw).unwrap(), Tool::read(bare).unwrap()];
        assert_eq!(
            typescript(&tools).unwrap(),
            "namespace functions {\n\n// Plan.\n// Twice.\ntype plan = (_: {\nlegs: {\n// Where\nto: string,\n}[],\n\
             mode?: \"a\" | \"b\",\nn?: number | null, // default: null\n}) => any;\n\ntype ping = () => any;\n\n\
             } // namespace functions"
        );
    }

    #[test]
    fn a_schema_that_points_at_itself_ends() {
        let raw = br##"{"name":"t","parameters":{"properties":{"a":{"$ref":"#"},"b":{"anyOf":[{"$ref":"#"}]}}}}"##;
        let written = typescript(&[Tool::read(raw).unwrap()]).unwrap();
        assert!(written.ends_with("} // namespace functions"));
    }
}
