//! Switching policies off at run time: one of one function, all of one kind, all of one function, or all.
//!
//! A switch is one flag that a call reads. Rules (what is off) change rarely; each change recomputes every flag.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use cladding_capi::Kept;
use pyo3::prelude::*;

use crate::hooks::{Hooks, Page};
use crate::target::Target;

/// The switch of one policy on one function.
pub(crate) struct Switch {
    off: AtomicBool,
    own: AtomicBool,
    policy: &'static str,
    function: String,
    /// For the metrics; it goes when the policy does.
    target: Kept<Target>,
    id: u64,
}

impl Switch {
    /// Whether calls leave the policy out now.
    #[inline]
    pub(crate) fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    /// The rule that means this switch alone.
    pub(crate) fn rule(&self) -> String {
        format!("#{}", self.id)
    }

    fn matches(&self, rule: &str) -> bool {
        // A policy's name, a function's full name, or both as `function:policy`.
        // Who switches everything off wants the function without its extras. A lock is none: it goes only by its name.
        let is_extra = self.policy != "synchronized";
        (is_extra && (rule == "all" || rule == self.function))
            || rule.strip_prefix('#').is_some_and(|id| id.parse() == Ok(self.id))
            || rule == self.policy
            || rule
                .rsplit_once(':')
                .is_some_and(|(function, policy)| policy == self.policy && function == self.function)
    }
}

#[derive(Default)]
struct Registry {
    live: Vec<Live>,
    /// What is off, as often as it was switched off.
    rules: Vec<String>,
}

/// What is kept of a bound policy; it does not keep the policy alive.
struct Live {
    switch: Weak<Switch>,
    hooks: Weak<dyn Hooks>,
}

/// Whether any switch may be off. While none is, which is the rule, calls look at no switch of their own.
static ANY_OFF: AtomicBool = AtomicBool::new(false);
static NEXT: AtomicU64 = AtomicU64::new(0);
static REGISTRY: Mutex<Option<Registry>> = Mutex::new(None);

fn registry() -> MutexGuard<'static, Option<Registry>> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn update(switch: &Switch, rules: &[String]) {
    let off = switch.own.load(Ordering::Relaxed) || rules.iter().any(|rule| switch.matches(rule));
    switch.off.store(off, Ordering::Relaxed);
    if off {
        ANY_OFF.store(true, Ordering::Relaxed);
    }
}

/// Whether a call has to look at the switches of its policies.
#[inline]
pub(crate) fn any_off() -> bool {
    ANY_OFF.load(Ordering::Relaxed)
}

impl Registry {
    fn update_all(&self) {
        ANY_OFF.store(false, Ordering::Relaxed);
        for switch in self.live.iter().filter_map(|live| live.switch.upgrade()) {
            update(&switch, &self.rules);
        }
    }
}

/// Makes the switch of a policy that was just bound.
pub(crate) fn register(
    policy: &'static str,
    function: &str,
    hooks: &Arc<dyn Hooks>,
    target: &Py<Target>,
    py: Python<'_>,
) -> Arc<Switch> {
    let switch = Arc::new(Switch {
        off: AtomicBool::new(false),
        own: AtomicBool::new(false),
        policy,
        function: function.to_owned(),
        target: target.clone_ref(py).into(),
        id: NEXT.fetch_add(1, Ordering::Relaxed),
    });
    let live = Live {
        switch: Arc::downgrade(&switch),
        hooks: Arc::downgrade(hooks),
    };
    let mut guard = registry();
    let registry = guard.get_or_insert_default();
    update(&switch, &registry.rules);
    // Doubling before each sweep makes it cost the same for each policy, however many come and go.
    let gone = if registry.live.len() == registry.live.capacity() {
        let (live, gone) = std::mem::take(&mut registry.live)
            .into_iter()
            .partition(|live| live.switch.strong_count() > 0);
        registry.live = live;
        gone
    } else {
        Vec::new()
    };
    registry.live.push(live);
    drop(guard);
    drop(gone);
    switch
}

/// Sets the switch of one policy on one function.
pub(crate) fn set_enabled(switch: &Switch, enabled: bool) {
    let mut guard = registry();
    switch.own.store(!enabled, Ordering::Relaxed);
    guard.get_or_insert_default().update_all();
}

/// Adds or takes back a rule, once.
#[pyfunction]
pub(crate) fn switch(rule: String, off: bool) {
    let mut guard = registry();
    let registry = guard.get_or_insert_default();
    if off {
        registry.rules.push(rule);
    } else if let Some(place) = registry.rules.iter().position(|known| *known == rule) {
        registry.rules.swap_remove(place);
    }
    registry.update_all();
}

/// The rules that are in force.
#[pyfunction]
pub(crate) fn rules() -> Vec<String> {
    registry().get_or_insert_default().rules.clone()
}

/// The numbers of all live policies as Prometheus text.
#[pyfunction]
pub(crate) fn metrics_text() -> String {
    let live: Vec<_> = {
        let mut guard = registry();
        let registry = guard.get_or_insert_default();
        registry
            .live
            .iter()
            // The switch first: should it be the last of its policy that is let go here, nothing of the user's goes with it.
            .filter_map(|live| {
                let switch = live.switch.upgrade()?;
                Some((live.hooks.upgrade()?, switch))
            })
            .collect()
    };
    let mut page = Page::default();
    for (hooks, switch) in &live {
        hooks.metrics(switch.target.get(), &mut page);
    }
    page.finish()
}
