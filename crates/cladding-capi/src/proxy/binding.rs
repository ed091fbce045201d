//! Function wrappers as attributes of classes: how they are initialised, and how they are bound to instances.

use std::ffi::{c_int, c_void};

use pyo3::ffi;
use pyo3::prelude::*;

use super::api::{
    PyMethod_New, PyMethod_Type, PyObject_IsInstance, PyObject_IsTrue, Raw, borrowed, descriptor_get, entry,
    entry_number, lookup, names, optional_attribute, own_attribute, raise, raise_missing, result, status, type_name,
};
use super::layout::{
    Binding, COMPATIBLE, FIND_INSTANCE, Family, Function, INITIALIZED, Kind, Proxy, Slot, is_proxy, required,
};
use super::{face, life, parameters, wrapped};
use crate::arguments::call;
use crate::{Owned, Raised};

/// Fills in what every function wrapper has.
///
/// # Safety
/// * A live function wrapper; the array holds wrapped, instance, wrapper, enabled, binding, parent and owner.
unsafe fn fill(object: Raw, values: [Owned; 7]) -> Result<(), Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let this = Function::of(object);
        let [target, instance, wrapper, enabled, binding, parent, owner] = values;
        super::init_wrapped(object, &target)?;
        face::forget(object);
        this.proxy.binding.set(binding_of(&binding));
        for (slot, value) in [
            (&this.instance, instance),
            (&this.wrapper, wrapper),
            (&this.enabled, enabled),
            (&this.binding, binding),
            (&this.parent, parent),
            (&this.owner, owner),
        ] {
            slot.set(object, Some(value));
        }
        Ok(())
    }
}

/// What a binding's name stands for.
fn binding_of(name: &Owned) -> Binding {
    let known = names();
    // SAFETY: the object is alive.
    if unsafe { ffi::PyUnicode_Check(name.as_ptr()) } == 0 {
        return Binding::Other;
    }
    [
        (&known.function, Binding::Function),
        (&known.instancemethod, Binding::InstanceMethod),
        (&known.callable, Binding::Callable),
        (&known.classmethod, Binding::ClassMethod),
        (&known.staticmethod, Binding::StaticMethod),
        (&known.builtin, Binding::Builtin),
        (&known.class, Binding::Class),
    ]
    .into_iter()
    .find(|(known, _)| super::api::is_name(name.as_ptr(), known))
    .map_or(Binding::Other, |(_, binding)| binding)
}

pub(super) unsafe extern "C" fn init_base(object: Raw, arguments: Raw, keywords: Raw) -> c_int {
    // SAFETY: the interpreter passes a live function wrapper, a tuple, and a dictionary or NULL.
    entry_number(|py| unsafe {
        let expected = [
            "wrapped", "instance", "wrapper", "enabled", "binding", "parent", "owner",
        ];
        let given = parameters::read(py, "FunctionWrapperBase", arguments, keywords, &expected, 3)?;
        let mut given = given.into_iter();
        let mut next = |default: &dyn Fn() -> Owned| given.next().flatten().unwrap_or_else(default);
        let values = [
            next(&Owned::none),
            next(&Owned::none),
            next(&Owned::none),
            next(&Owned::none),
            next(&|| names().callable.clone()),
            next(&Owned::none),
            next(&Owned::none),
        ];
        fill(object, values)?;
        Ok(0)
    })
}

pub(super) unsafe extern "C" fn init(object: Raw, arguments: Raw, keywords: Raw) -> c_int {
    // SAFETY: the interpreter passes a live function wrapper, a tuple, and a dictionary or NULL.
    entry_number(|py| unsafe {
        let expected = ["wrapped", "wrapper", "enabled"];
        let given = parameters::read(py, "FunctionWrapper", arguments, keywords, &expected, 2)?;
        let mut given = given.into_iter().map(|value| value.unwrap_or_else(Owned::none));
        let mut next = || given.next().expect("as many as expected");
        let (target, wrapper, enabled) = (next(), next(), next());
        let binding = judge(&target)?;
        let none = Owned::none;
        fill(object, [target, none(), wrapper, enabled, binding, none(), none()])?;
        Ok(0)
    })
}

/// As for the base; or, as method types have it, a function wrapper and the instance to bind it to.
pub(super) unsafe extern "C" fn init_bound(object: Raw, arguments: Raw, keywords: Raw) -> c_int {
    // SAFETY: the interpreter passes a live function wrapper, a tuple, and a dictionary or NULL.
    unsafe {
        let two = ffi::PyTuple_GET_SIZE(arguments) == 2 && (keywords.is_null() || ffi::PyDict_Size(keywords) == 0);
        if !two || !is_proxy(ffi::PyTuple_GET_ITEM(arguments, 0), Kind::Function) {
            return init_base(object, arguments, keywords);
        }
        entry_number(|_py| {
            let parent = borrowed(ffi::PyTuple_GET_ITEM(arguments, 0));
            let instance = borrowed(ffi::PyTuple_GET_ITEM(arguments, 1));
            let class = borrowed(ffi::Py_TYPE(instance.as_ptr()).cast());
            let from = Function::of(parent.as_ptr());
            let bound = bind(&wrapped(parent.as_ptr())?, &instance)?;
            let wrapper = required(parent.as_ptr(), &from.wrapper, "_self_wrapper")?;
            let enabled = required(parent.as_ptr(), &from.enabled, "_self_enabled")?;
            let binding = required(parent.as_ptr(), &from.binding, "_self_binding")?;
            fill(object, [bound, instance, wrapper, enabled, binding, parent, class])?;
            Ok(0)
        })
    }
}

/// The function of a bound method is its wrapper, so that nobody who takes it leaves the wrapper behind.
pub(super) unsafe extern "C" fn get_func(object: Raw, _closure: *mut c_void) -> Raw {
    // SAFETY: a live bound function wrapper.
    entry(|_py| unsafe {
        let this = Function::of(object);
        let instance = required(object, &this.instance, "_self_instance")?;
        if this.proxy.binding.get() == Binding::Function && !instance.is_none() {
            return required(object, &this.parent, "_self_parent");
        }
        super::attributes::look_further(object, names().func.as_ptr())
    })
}

/// How a wrapped object is to be bound, by what it says it is.
unsafe fn judge(target: &Owned) -> Result<Owned, Raised> {
    let known = names();
    let pointer = target.as_ptr();
    // SAFETY: the objects are alive, and the classes are static.
    unsafe {
        if super::calls::is_function(target) {
            return Ok(known.function.clone());
        }
        if is_proxy(pointer, Kind::FunctionBase)
            && let Some(binding) = optional_attribute(pointer, &known.self_binding)?
        {
            return Ok(binding);
        }
        if ffi::PyCFunction_Check(pointer) != 0 {
            return Ok(known.builtin.clone());
        }
        let is = |object: Raw, class: *mut ffi::PyTypeObject| {
            Ok::<bool, Raised>(status(PyObject_IsInstance(object, class.cast()))? != 0)
        };
        for (class, binding) in [
            (&raw mut ffi::PyFunction_Type, &known.function),
            (&raw mut ffi::PyType_Type, &known.class),
            (&raw mut ffi::PyClassMethod_Type, &known.classmethod),
            (&raw mut ffi::PyStaticMethod_Type, &known.staticmethod),
        ] {
            if is(pointer, class)? {
                return Ok(binding.clone());
            }
        }
        let binding = match optional_attribute(pointer, &known.self_)? {
            Some(instance) if is(instance.as_ptr(), &raw mut ffi::PyType_Type)? => &known.classmethod,
            Some(_) if is(pointer, &raw mut PyMethod_Type)? => &known.instancemethod,
            _ => &known.callable,
        };
        Ok(binding.clone())
    }
}

/// A callable bound to an instance as an attribute look-up would do it.
pub(super) fn bind(target: &Owned, instance: &Owned) -> Result<Owned, Raised> {
    // SAFETY: both are alive, and so is the instance's class.
    unsafe {
        let class = ffi::Py_TYPE(instance.as_ptr()).cast();
        bind_raw(target, instance.as_ptr(), class)?.map_or_else(|| Ok(target.clone()), Ok)
    }
}

/// Whether a callable that is no function binds as functions do, as one with a cache does.
#[cold]
pub(super) fn binds(target: &Owned) -> bool {
    // SAFETY: the object is alive, and so is its class.
    unsafe { (*ffi::Py_TYPE(target.as_ptr())).tp_descr_get.is_some() }
}

/// What the wrapped object's `__get__` gives, or `None` where it has none.
#[inline]
unsafe fn bind_raw(target: &Owned, instance: Raw, class: Raw) -> Result<Option<Owned>, Raised> {
    // SAFETY: the caller passes live objects, or NULL for one of the two latter.
    unsafe {
        if super::calls::is_function(target) {
            if instance.is_null() || instance == ffi::Py_None() {
                return Ok(Some(target.clone()));
            }
            return result(PyMethod_New(target.as_ptr(), instance)).map(Some);
        }
        match (*ffi::Py_TYPE(target.as_ptr())).tp_descr_get {
            Some(get) => descriptor_get(get, target, instance, class).map(Some),
            None => Ok(None),
        }
    }
}

pub(super) unsafe extern "C" fn descr_get(object: Raw, instance: Raw, class: Raw) -> Raw {
    // SAFETY: the interpreter passes a live function wrapper, and an instance or a class or both.
    entry(|py| unsafe { get(py, object, instance, class) })
}

/// # Safety
/// * A live function wrapper, and an instance or a class or both.
unsafe fn get(py: Python<'_>, object: Raw, instance: Raw, class: Raw) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let this = Function::of(object);
        // On a class it is itself, as functions are; a call then finds the instance among its arguments.
        let class_alone = instance.is_null() || instance == ffi::Py_None();
        if class_alone && this.proxy.has(FIND_INSTANCE) && passes_instance(object) {
            return Ok(borrowed(object));
        }
        let target = wrapped(object)?;
        let bound_to = required(object, &this.instance, "_self_instance")?;
        let parent = required(object, &this.parent, "_self_parent")?;
        let how = this.proxy.binding.get();
        if parent.is_none() {
            if matches!(how, Binding::Builtin | Binding::Class) {
                return Ok(borrowed(object));
            }
            let Some(bound) = bind_raw(&target, instance, class)? else {
                return Ok(borrowed(object));
            };
            return make_bound(py, object, &borrowed(object), bound, instance, class);
        }
        // Bound to a class only so far, hence to be bound once more.
        if bound_to.is_none() && matches!(how, Binding::Function | Binding::InstanceMethod | Binding::Callable) {
            let inner = if is_proxy(parent.as_ptr(), Kind::Base) {
                wrapped(parent.as_ptr())?
            } else {
                match optional_attribute(parent.as_ptr(), &names().wrapped)? {
                    Some(inner) => inner,
                    None => return Err(raise_missing(parent.as_ptr(), "__wrapped__")),
                }
            };
            let Some(bound) = bind_raw(&inner, instance, class)? else {
                return Err(raise_missing(inner.as_ptr(), "__get__"));
            };
            return make_bound(py, object, &parent, bound, instance, class);
        }
        Ok(borrowed(object))
    }
}

/// Whether the interpreter calls it with the instance in front instead of binding it.
unsafe fn passes_instance(object: Raw) -> bool {
    // SAFETY: the object is alive.
    unsafe { ffi::PyType_HasFeature(ffi::Py_TYPE(object), ffi::Py_TPFLAGS_METHOD_DESCRIPTOR) != 0 }
}

/// Makes the wrapper of a bound method: natively, unless a class asks for another type.
///
/// # Safety
/// * A live function wrapper; the instance and the class are alive or NULL.
unsafe fn make_bound(
    py: Python<'_>,
    object: Raw,
    parent: &Owned,
    bound: Owned,
    instance: Raw,
    class: Raw,
) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller; the new object is nobody else's until it is returned.
    unsafe {
        let this = Function::of(object);
        let family = Family::of(&this.proxy);
        let native: Raw = family.class(Kind::Bound).cast();
        let instance = if instance.is_null() {
            Owned::none()
        } else {
            borrowed(instance)
        };
        let class = if class.is_null() {
            Owned::none()
        } else {
            borrowed(class)
        };
        let wrapper = required(object, &this.wrapper, "_self_wrapper")?;
        let enabled = required(object, &this.enabled, "_self_enabled")?;
        let binding = required(object, &this.binding, "_self_binding")?;
        if let Some(kind) = bound_class(parent.as_ptr(), family)?
            && kind.as_ptr() != native
        {
            return call(
                py,
                &kind,
                &[&bound, &instance, &wrapper, &enabled, &binding, parent, &class],
            );
        }
        native_bound(
            native.cast(),
            this.proxy.has(COMPATIBLE),
            this.proxy.binding.get(),
            [bound, instance, wrapper, enabled, binding, parent.clone(), class],
        )
    }
}

/// A bound function wrapper of exactly the native type, of wrapped, instance, wrapper, enabled, binding, parent, owner.
///
/// # Safety
/// * The class is the family's.
#[inline]
unsafe fn native_bound(
    class: *mut ffi::PyTypeObject,
    compatible: bool,
    binding: Binding,
    values: [Owned; 7],
) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller; the new object is nobody else's until it is returned. The collector may have seen
    // it with empty fields before, or sees it first when they are filled.
    unsafe {
        let (made, tracked) = match life::spare::take(class) {
            Some(object) => (object, false),
            None => (life::allocate(class, Kind::Bound, compatible)?.into_ptr(), true),
        };
        let new = Function::of(made);
        new.proxy.put(INITIALIZED, true);
        new.proxy.put(COMPATIBLE, compatible);
        new.proxy.binding.set(binding);
        let [target, instance, asked, enabled, named, parent, owner] = values;
        new.proxy.wrapped.fill(target);
        new.instance.fill(instance);
        new.wrapper.fill(asked);
        new.enabled.fill(enabled);
        new.binding.fill(named);
        new.parent.fill(parent);
        new.owner.fill(owner);
        if !tracked {
            ffi::PyObject_GC_Track(made.cast());
        }
        result(made)
    }
}

/// The type that a function wrapper asks for by `__bound_function_wrapper__`.
unsafe fn bound_class(parent: Raw, family: &Family) -> Result<Option<Owned>, Raised> {
    // SAFETY: the object is alive.
    unsafe {
        let name = &names().bound_function_wrapper;
        let class = ffi::Py_TYPE(parent);
        if class == family.class(Kind::Function) {
            return Ok(None);
        }
        // Nothing on the class and no dictionary: there is nothing to find, and no exception to make.
        if is_proxy(parent, Kind::Base)
            && Proxy::of(parent).dict.peek().is_null()
            && lookup(class, name.as_ptr()).is_none()
        {
            return Ok(None);
        }
        own_attribute(parent, name)
    }
}

/// Finds one field.
type Field = fn(&Function) -> &Slot;

/// The fields that can be read, which the type's table refers to by their place here.
const FIELDS: [(&str, Field); 6] = [
    ("_self_instance", |this| &this.instance),
    ("_self_wrapper", |this| &this.wrapper),
    ("_self_enabled", |this| &this.enabled),
    ("_self_binding", |this| &this.binding),
    ("_self_parent", |this| &this.parent),
    ("_self_owner", |this| &this.owner),
];

pub(super) unsafe extern "C" fn get_field(object: Raw, place: *mut c_void) -> Raw {
    // SAFETY: a live function wrapper.
    entry(|_py| unsafe {
        let (name, field) = FIELDS[place.addr()];
        required(object, field(Function::of(object)), name)
    })
}

pub(super) unsafe extern "C" fn get_find_instance(object: Raw, _closure: *mut c_void) -> Raw {
    // SAFETY: a live function wrapper; the two objects live as long as the interpreter.
    entry(|_py| unsafe {
        let on = Proxy::of(object).has(FIND_INSTANCE);
        Ok(borrowed(if on { ffi::Py_True() } else { ffi::Py_False() }))
    })
}

pub(super) unsafe extern "C" fn set_find_instance(object: Raw, value: Raw, _closure: *mut c_void) -> c_int {
    // SAFETY: a live function wrapper, and a live value or NULL.
    entry_number(|_py| unsafe {
        if value.is_null() {
            let text = format!("cannot delete _self_find_instance of a '{}'", type_name(object));
            return Err(raise(ffi::PyExc_TypeError, &text));
        }
        Proxy::of(object).put(FIND_INSTANCE, status(PyObject_IsTrue(value))? != 0);
        Ok(0)
    })
}
