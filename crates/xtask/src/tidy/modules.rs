//! The modules of a crate, and which names each takes from which other: read from the syntax.
//!
//! What counts is the file in which a name is defined. A path is followed through `pub use`, so that a parent that only lists and
//! re-exports its children depends on none of them, and nobody depends on the parent for what it re-exports. A module lies inside
//! its parents: what it takes from them, as Rust lets it take even their private names, counts for nothing, unless it is the
//! crate's root, which all would lie in. Code for tests is left out: a module, item or function below `#[cfg(test)]`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// The path of a module from the crate's root, which is empty.
type Module = Vec<String>;

/// The modules of one crate.
#[derive(Debug, Default)]
pub struct Tree {
    /// In which file each module is, in-line ones in that of their parent.
    files: BTreeMap<Module, PathBuf>,
    /// Names that a module passes on, by `pub use`: whose, or all of another module's where the name is `*`.
    passed_on: BTreeMap<Module, Vec<(String, Vec<String>)>>,
    /// Modules that a module brings into its scope by `use`, by their names there.
    imported: BTreeMap<Module, BTreeMap<String, Vec<String>>>,
    /// Paths that each module names in code that is not for tests, relative to it, as written.
    named: BTreeMap<Module, Vec<Vec<String>>>,
    /// Where the sources are.
    sources: PathBuf,
    /// Files among the sources that only tests compile.
    pub test_files: Vec<PathBuf>,
}

/// A file takes a name from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The file that names it.
    pub from: PathBuf,
    /// The file that defines it.
    pub to: PathBuf,
    /// The path, as it is written.
    pub path: String,
}

/// Reads a crate from its root, `lib.rs` or `main.rs`.
///
/// # Errors
/// When a file cannot be read as Rust.
pub fn read(root: &Path) -> Result<Tree, String> {
    let folder = root.parent().unwrap_or(root);
    let mut tree = Tree {
        sources: folder.to_owned(),
        ..Tree::default()
    };
    tree.read_file(&[], root, folder)?;
    Ok(tree)
}

impl Tree {
    /// Which file takes what from which other, each pair once.
    #[must_use]
    pub fn uses(&self) -> Vec<Use> {
        let mut found = BTreeMap::new();
        for (module, paths) in &self.named {
            let Some(from) = self.files.get(module) else {
                continue;
            };
            for path in paths {
                let Some(absolute) = self.absolute(module, path) else {
                    continue;
                };
                let Some(to) = self.definition(&absolute) else {
                    continue;
                };
                if to != from && !self.is_around(to, module) {
                    found
                        .entry((from.clone(), to.clone()))
                        .or_insert_with(|| path.join("::"));
                }
            }
        }
        let uses = found.into_iter();
        uses.map(|((from, to), path)| Use { from, to, path }).collect()
    }

    /// Whether a file is that of a module around another, and not the crate's root.
    fn is_around(&self, file: &Path, module: &[String]) -> bool {
        let parents = (1..module.len()).filter_map(|depth| self.files.get(module.get(..depth)?));
        parents.into_iter().any(|parent| parent == file)
    }

    fn read_file(&mut self, module: &[String], file: &Path, folder: &Path) -> Result<(), String> {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = fs::read_to_string(file).map_err(|error| wrong(&error))?;
        let syntax = syn::parse_file(&text).map_err(|error| wrong(&error))?;
        self.read_items(module, &syntax.items, file, folder)
    }

    /// Reads the items of a module; the files of its children are in `folder`.
    fn read_items(
        &mut self,
        module: &[String],
        items: &[Item],
        file: &Path,
        folder: &Path,
    ) -> Result<(), String> {
        self.files.insert(module.to_vec(), file.to_owned());
        let mut names = Names::default();
        for item in items {
            match item {
                Item::Mod(child) => self.read_child(module, child, file, folder)?,
                Item::Use(import) if !is_for_tests(&import.attrs) => self.read_use(module, import),
                other => names.visit_item(other),
            }
        }
        self.named
            .entry(module.to_vec())
            .or_default()
            .append(&mut names.paths);
        Ok(())
    }

    fn read_child(
        &mut self,
        module: &[String],
        child: &ItemMod,
        file: &Path,
        folder: &Path,
    ) -> Result<(), String> {
        let name = child.ident.to_string();
        let own_folder = folder.join(&name);
        let path = [module, std::slice::from_ref(&name)].concat();
        let is_for_tests = is_for_tests(&child.attrs);
        if let Some((_, items)) = &child.content {
            return if is_for_tests {
                Ok(())
            } else {
                self.read_items(&path, items, file, &own_folder)
            };
        }
        let (child_file, own_folder) = if let Some(named) = named_file(&child.attrs) {
            let child_file = file.parent().unwrap_or(folder).join(named);
            let own_folder = child_file.parent().unwrap_or(folder).to_owned();
            (child_file, own_folder)
        } else {
            let beside = folder.join(format!("{name}.rs"));
            let within = own_folder.join("mod.rs");
            (if beside.is_file() { beside } else { within }, own_folder)
        };
        if is_for_tests {
            if child_file.starts_with(&self.sources)
                && !child_file.components().any(|part| part.as_os_str() == "..")
            {
                self.test_files.push(child_file);
            }
            return Ok(());
        }
        self.read_file(&path, &child_file, &own_folder)
    }

    fn read_use(&mut self, module: &[String], import: &ItemUse) {
        let mut leaves = Vec::new();
        flatten(&import.tree, &mut Vec::new(), &mut leaves);
        if import.leading_colon.is_some() {
            return;
        }
        let is_passed_on = !matches!(import.vis, Visibility::Inherited);
        for (path, name) in leaves {
            if is_passed_on {
                let all = self.passed_on.entry(module.to_vec()).or_default();
                all.push((name, path));
            } else {
                let names = self.imported.entry(module.to_vec()).or_default();
                names.insert(name, path.clone());
                self.named.entry(module.to_vec()).or_default().push(path);
            }
        }
    }

    /// A path from the crate's root; `None` for one that leads out of the crate, or to nothing that a module brought into its scope.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let joined = |base: &[String], rest: &[String]| Some([base, rest].concat());
        match first.as_str() {
            "crate" => joined(&[], rest),
            "self" => joined(module, rest),
            "super" => {
                let (_, parent) = module.split_last()?;
                let mut parent = parent;
                let mut rest = rest;
                while let Some(("super", after)) = rest.split_first().map(|(a, b)| (a.as_str(), b)) {
                    parent = parent.split_last()?.1;
                    rest = after;
                }
                joined(parent, rest)
            }
            name => {
                let child = [module, std::slice::from_ref(first)].concat();
                if self.files.contains_key(&child) {
                    return joined(&child, rest);
                }
                let import = self.imported.get(module)?.get(name)?;
                // A `use` of itself, as of a crate, leads nowhere.
                if import.first() == Some(first) {
                    return None;
                }
                joined(&self.absolute(module, import)?, rest)
            }
        }
    }

    /// The file that defines what an absolute path names; `None` for a module as such, and for what another crate defines.
    fn definition(&self, path: &[String]) -> Option<&PathBuf> {
        self.defined_in(path, &mut BTreeSet::new())
            .and_then(|module| self.files.get(&module))
    }

    fn defined_in(&self, path: &[String], seen: &mut BTreeSet<Vec<String>>) -> Option<Module> {
        if !seen.insert(path.to_vec()) {
            return None;
        }
        let depth = (0..=path.len()).rev().find(|depth| {
            path.get(..*depth)
                .is_some_and(|module| self.files.contains_key(module))
        })?;
        let (module, rest) = path.split_at_checked(depth)?;
        let name = rest.first()?;
        let passed_on = self.passed_on.get(module).map_or(&[][..], Vec::as_slice);
        let by_name = passed_on.iter().find(|(own, _)| own == name);
        if let Some((_, target)) = by_name {
            let target = self.absolute(module, target)?;
            let further = rest.get(1..).unwrap_or_default();
            return self.defined_in(&[&target, further].concat(), seen);
        }
        for (_, target) in passed_on.iter().filter(|(own, _)| own == "*") {
            let Some(target) = self.absolute(module, target) else {
                continue;
            };
            if self.has_item(&target, name) {
                return self.defined_in(&[&target, rest].concat(), seen);
            }
        }
        Some(module.to_vec())
    }

    /// Whether a module passes a name on; what it defines by itself is not told apart from what does not exist.
    fn has_item(&self, module: &[String], name: &str) -> bool {
        let child = [module, &[name.to_owned()]].concat();
        let passed_on = self.passed_on.get(module);
        self.files.contains_key(&child) || passed_on.is_some_and(|all| all.iter().any(|(own, _)| own == name))
    }
}

/// The leaves of a `use`: their paths, and their names in the scope; `*` for all.
fn flatten(tree: &UseTree, before: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, leaves);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            leaves.push((before.clone(), before.last().cloned().unwrap_or_default()));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            leaves.push(([&before[..], std::slice::from_ref(&name)].concat(), name));
        }
        UseTree::Rename(renamed) => {
            let mut path = before.clone();
            if renamed.ident != "self" {
                path.push(renamed.ident.to_string());
            }
            leaves.push((path, renamed.rename.to_string()));
        }
        UseTree::Glob(_) => leaves.push(([&before[..], &["*".to_owned()]].concat(), "*".to_owned())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, leaves)),
    }
}

/// Whether something is compiled for tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list().map(|list| list.tokens.to_string());
        attribute.path().is_ident("cfg")
            && condition.is_ok_and(|words| {
                let mut words = words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                words.any(|word| word == "test") && !attribute_negates(attribute)
            })
    })
}

fn attribute_negates(attribute: &Attribute) -> bool {
    let tokens = attribute.meta.require_list().map(|list| list.tokens.clone());
    tokens.is_ok_and(|tokens| tokens.into_iter().any(|token| token.to_string() == "not"))
}

/// The file that `#[path = "…"]` names.
fn named_file(attributes: &[Attribute]) -> Option<String> {
    let path = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("path"))?;
    let syn::Expr::Lit(literal) = &path.meta.require_name_value().ok()?.value else {
        return None;
    };
    match &literal.lit {
        syn::Lit::Str(text) => Some(text.value()),
        _ => None,
    }
}

/// Collects the paths of items that are not for tests.
#[derive(Debug, Default)]
struct Names {
    paths: Vec<Vec<String>>,
}

impl Names {
    /// Paths within the words of a macro, which are no syntax yet.
    fn of_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) => {
                    if colons != 2 {
                        self.end(&mut path);
                    }
                    path.push(word.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.end(&mut path);
                    self.of_tokens(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.end(&mut path);
                    colons = 0;
                }
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.paths.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_for_tests(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        let mut leaves = Vec::new();
        flatten(&import.tree, &mut Vec::new(), &mut leaves);
        if import.leading_colon.is_none() {
            self.paths.extend(leaves.into_iter().map(|(path, _)| path));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() && path.segments.len() > 1 {
            let segments = path.segments.iter();
            self.paths
                .push(segments.map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.of_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
