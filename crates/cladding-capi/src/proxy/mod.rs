//! Object proxies and function wrappers: heap types that stand in front of another object.
//!
//! There are two families of types, made by the same code: cladding's own, and one that behaves in every respect as
//! wrapt's. An object knows its family by a flag that is set when it is made, so that neither pays for the other.

use std::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;

mod api;
mod attributes;
mod binding;
mod calls;
mod doc;
mod face;
mod layout;
mod life;
mod metadata;
mod methods;
mod numbers;
mod parameters;
mod partial;
mod protocols;

use api::{Raw, borrowed, entry_number, names, own_attribute, result};
pub use face::{FACE_MAKER, Hook, INSTANCE_FINDER};
use layout::{COMPATIBLE, Family, Function, INITIALIZED, Kind, Partial, Proxy};
use metadata::Attribute;

use crate::{Owned, Raised};

pyo3::create_exception!(
    cladding,
    WrapperNotInitializedError,
    PyValueError,
    "A proxy was used whose `__init__` ran but which wraps nothing (yet)."
);

fn not_initialized(py: Python<'_>) -> Owned {
    py.get_type::<WrapperNotInitializedError>().into_any().into()
}

/// What a proxy wraps, as a reference of one's own: the field may change while it is in use.
#[inline]
fn wrapped(object: Raw) -> Result<Owned, Raised> {
    api::check_room()?;
    // SAFETY: everybody in this module passes a live proxy.
    match unsafe { Proxy::of(object) }.wrapped.get(object) {
        Some(wrapped) => Ok(wrapped),
        // SAFETY: as above, on an attached thread.
        None => metadata::make_wrapped(unsafe { Python::assume_attached() }, object),
    }
}

/// The part of every `__init__`: `None` is left to a class's `__wrapped_factory__`, if it has one.
///
/// # Safety
/// * A live proxy.
unsafe fn init_wrapped(object: Raw, target: &Owned) -> Result<(), Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let proxy = Proxy::of(object);
        let lazy = target.is_none()
            && own_attribute(object, &names().wrapped_factory)?.is_some_and(|factory| !factory.is_none());
        proxy.put(INITIALIZED, true);
        if lazy {
            return Ok(());
        }
        proxy.wrapped.set(object, Some(target.clone()));
        if proxy.has(COMPATIBLE) {
            metadata::copy_metadata(object, target)?;
        }
        Ok(())
    }
}

unsafe extern "C" fn init(object: Raw, arguments: Raw, keywords: Raw) -> c_int {
    // SAFETY: the interpreter passes a live proxy, a tuple, and a dictionary or NULL.
    entry_number(|py| unsafe {
        let given = parameters::read(py, "ObjectProxy", arguments, keywords, &["wrapped"], 1)?;
        let target = given.into_iter().flatten().next().expect("it is required");
        init_wrapped(object, &target)?;
        Ok(0)
    })
}

/// The names and docstrings of the types, in the order of [`Kind`].
const TYPES: [(&CStr, &CStr, &CStr); 6] = [
    (
        c"cladding.BaseObjectProxy",
        c"cladding.compat.wrapt.BaseObjectProxy",
        c"Stands in front of another object and passes on everything but iteration, calls and awaiting.",
    ),
    (
        c"cladding.CallableObjectProxy",
        c"cladding.compat.wrapt.CallableObjectProxy",
        c"An object proxy that passes on calls too.",
    ),
    (
        c"cladding.PartialCallableObjectProxy",
        c"cladding.compat.wrapt.PartialCallableObjectProxy",
        c"A proxy of a callable that adds arguments to each call.",
    ),
    (
        c"cladding.FunctionWrapperBase",
        c"cladding.compat.wrapt.FunctionWrapperBase",
        c"What function wrappers and bound function wrappers have in common.",
    ),
    (
        c"cladding.FunctionWrapper",
        c"cladding.compat.wrapt.FunctionWrapper",
        c"A proxy of a callable whose calls go to `wrapper(wrapped, instance, args, kwargs)`.",
    ),
    (
        c"cladding.BoundFunctionWrapper",
        c"cladding.compat.wrapt.BoundFunctionWrapper",
        c"A function wrapper that was looked up on an instance or a class.",
    ),
];

/// The type of function wrappers on functions that find their instance: a call through an instance may pass it in front,
/// as calls of methods do, and no bound wrapper is made for it.
pub fn method_wrapper(function: &Owned) -> PyResult<Owned> {
    let mut tables = Tables {
        slots: vec![
            (ffi::Py_tp_doc, METHOD_DOC.as_ptr().cast_mut().cast()),
            (ffi::Py_tp_descr_get, binding::descr_get as *mut c_void),
        ],
        methods: Vec::new(),
        getters: Vec::new(),
        members: Vec::new(),
    };
    tables.slots.extend(lifetime::<{ life::FUNCTION }>());
    describe_callable(&mut tables);
    let flags = ffi::Py_TPFLAGS_HAVE_VECTORCALL | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR;
    tables.make(
        c"cladding._native.MethodWrapper",
        size_of::<Function>(),
        flags,
        Some(function),
    )
}

const METHOD_DOC: &CStr = c"A function wrapper on a function that finds its instance among the arguments.";

/// Makes both families, once, and gives the types of each in the order of their hierarchy.
pub fn types(py: Python<'_>) -> PyResult<[[Owned; 6]; 2]> {
    api::start(py);
    Ok([family::<false>(py)?, family::<true>(py)?])
}

fn family<const COMPAT: bool>(py: Python<'_>) -> PyResult<[Owned; 6]> {
    if let Some(family) = Family::get(COMPAT) {
        // SAFETY: the types of a family live for ever.
        return Ok(Kind::ALL.map(|kind| unsafe { borrowed(family.class(kind).cast()) }));
    }
    let base = build::<COMPAT, { Kind::Base as u8 }>(None)?;
    let callable = build::<COMPAT, { Kind::Callable as u8 }>(Some(&base))?;
    let partial = build::<COMPAT, { Kind::Partial as u8 }>(Some(&base))?;
    let function_base = build::<COMPAT, { Kind::FunctionBase as u8 }>(Some(&base))?;
    let function = build::<COMPAT, { Kind::Function as u8 }>(Some(&function_base))?;
    let bound = build::<COMPAT, { Kind::Bound as u8 }>(Some(&function_base))?;
    let own = |class: &Owned, name: &Owned| -> PyResult<Owned> {
        Ok(class.bound(py).getattr("__dict__")?.get_item(name.bound(py))?.into())
    };
    let found = [
        own(&base, &names().getattribute)?,
        own(&base, &names().getattr)?,
        own(&bound, &names().getattr)?,
    ];
    let types = [base, callable, partial, function_base, function, bound];
    if !COMPAT {
        // The other family keeps copies in each object's dictionary, as wrapt does.
        let doc_type = doc::make_type()?;
        for class in &types {
            doc::install(&doc_type, class)?;
        }
    }
    Family::keep(COMPAT, types.clone(), found);
    Ok(types)
}

/// The tables that a type is made from.
struct Tables {
    slots: Vec<(c_int, *mut c_void)>,
    methods: Vec<ffi::PyMethodDef>,
    getters: Vec<ffi::PyGetSetDef>,
    members: Vec<ffi::PyMemberDef>,
}

fn build<const COMPAT: bool, const KIND: u8>(base: Option<&Owned>) -> PyResult<Owned> {
    let kind = Kind::ALL[usize::from(KIND)];
    let (own_name, compatible_name, doc) = TYPES[usize::from(KIND)];
    let mut tables = Tables {
        slots: vec![
            (ffi::Py_tp_doc, doc.as_ptr().cast_mut().cast()),
            (ffi::Py_tp_new, life::new::<COMPAT, KIND> as *mut c_void),
        ],
        methods: Vec::new(),
        getters: Vec::new(),
        members: Vec::new(),
    };
    tables.slots.extend(match kind {
        Kind::Base | Kind::Callable => lifetime::<{ life::BASE }>(),
        Kind::Partial => lifetime::<{ life::PARTIAL }>(),
        Kind::FunctionBase | Kind::Function | Kind::Bound => lifetime::<{ life::FUNCTION }>(),
    });
    if kind != Kind::Base {
        describe_callable(&mut tables);
    }
    match kind {
        Kind::Base => describe_base(&mut tables),
        Kind::Callable => {}
        Kind::Partial => {
            tables.slots.push((ffi::Py_tp_init, partial::init as *mut c_void));
            tables.getters.push(getset(c"_self_args", partial::get_args, None, 0));
            tables
                .getters
                .push(getset(c"_self_kwargs", partial::get_kwargs, None, 0));
        }
        Kind::FunctionBase => describe_function(&mut tables),
        Kind::Function => {
            tables.slots.push((ffi::Py_tp_init, binding::init as *mut c_void));
            if !COMPAT {
                let (get, set) = (binding::get_find_instance, binding::set_find_instance);
                tables.getters.extend([
                    known(c"__code__", Attribute::Code),
                    known(c"__closure__", Attribute::Closure),
                    getset(c"_self_find_instance", get, Some(set), 0),
                ]);
            }
        }
        Kind::Bound => {
            tables.methods.extend(methods::of_bound());
            if !COMPAT {
                tables.slots.push((ffi::Py_tp_init, binding::init_bound as *mut c_void));
                tables.getters.push(getset(c"__func__", binding::get_func, None, 0));
            }
        }
    }
    let size = match kind {
        Kind::Base | Kind::Callable => size_of::<Proxy>(),
        Kind::Partial => size_of::<Partial>(),
        Kind::FunctionBase | Kind::Function | Kind::Bound => size_of::<Function>(),
    };
    tables.make(
        if COMPAT { compatible_name } else { own_name },
        size,
        if kind == Kind::Base {
            0
        } else {
            ffi::Py_TPFLAGS_HAVE_VECTORCALL
        },
        base,
    )
}

fn describe_base(tables: &mut Tables) {
    tables.slots.extend([
        (ffi::Py_tp_init, init as *mut c_void),
        (ffi::Py_tp_getattro, attributes::getattro as *mut c_void),
        (ffi::Py_tp_setattro, attributes::setattro as *mut c_void),
    ]);
    tables.slots.extend(numbers::slots());
    tables.slots.extend(protocols::slots());
    tables.members.push(member(c"__dictoffset__", offset_of!(Proxy, dict)));
    tables
        .members
        .push(member(c"__weaklistoffset__", offset_of!(Proxy, weakrefs)));
    tables.methods.extend(methods::of_proxies());
    tables.getters.extend([
        known(c"__name__", Attribute::Name),
        known(c"__qualname__", Attribute::Qualname),
        known(c"__annotations__", Attribute::Annotations),
        known(c"__class__", Attribute::Class),
        known(c"__dict__", Attribute::Dict),
        getset(c"__self_dict__", metadata::get_self_dict, None, 0),
        getset(c"__wrapped__", metadata::get_wrapped, Some(metadata::set_wrapped), 0),
        getset(c"__object_proxy__", metadata::get_object_proxy, None, 0),
    ]);
}

fn describe_callable(tables: &mut Tables) {
    tables
        .members
        .push(member(c"__vectorcalloffset__", offset_of!(Proxy, vectorcall)));
    tables
        .slots
        .push((ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void));
}

fn describe_function(tables: &mut Tables) {
    tables.slots.push((ffi::Py_tp_init, binding::init_base as *mut c_void));
    tables
        .slots
        .push((ffi::Py_tp_descr_get, binding::descr_get as *mut c_void));
    tables.methods.extend(methods::of_functions());
    let fields = [
        c"_self_instance",
        c"_self_wrapper",
        c"_self_enabled",
        c"_self_binding",
        c"_self_parent",
        c"_self_owner",
    ];
    for (place, name) in fields.into_iter().enumerate() {
        tables.getters.push(getset(name, binding::get_field, None, place));
    }
}

impl Tables {
    /// Makes the type. The interpreter keeps pointers into the tables, so they live for ever; each ends with zeros.
    fn make(self, name: &CStr, size: usize, more: c_ulong, base: Option<&Owned>) -> PyResult<Owned> {
        let Self {
            mut slots,
            mut methods,
            mut getters,
            mut members,
        } = self;
        methods.push(ffi::PyMethodDef::zeroed());
        getters.push(ffi::PyGetSetDef::default());
        members.push(ffi::PyMemberDef::default());
        slots.push((
            ffi::Py_tp_methods,
            Box::leak(methods.into_boxed_slice()).as_mut_ptr().cast(),
        ));
        slots.push((
            ffi::Py_tp_getset,
            Box::leak(getters.into_boxed_slice()).as_mut_ptr().cast(),
        ));
        slots.push((
            ffi::Py_tp_members,
            Box::leak(members.into_boxed_slice()).as_mut_ptr().cast(),
        ));
        slots.push((0, ptr::null_mut()));
        let mut slots: Vec<ffi::PyType_Slot> = slots
            .into_iter()
            .map(|(slot, pfunc)| ffi::PyType_Slot { slot, pfunc })
            .collect();
        let flags = ffi::Py_TPFLAGS_DEFAULT
            | ffi::Py_TPFLAGS_HAVE_GC
            | ffi::Py_TPFLAGS_BASETYPE
            | ffi::Py_TPFLAGS_IMMUTABLETYPE
            | more;
        let mut spec = ffi::PyType_Spec {
            name: name.as_ptr(),
            basicsize: size as c_int,
            itemsize: 0,
            flags: flags as c_uint,
            slots: slots.as_mut_ptr(),
        };
        let base = base.map_or(ptr::null_mut(), Owned::as_ptr);
        // SAFETY: the spec and its tables are complete, and each slot holds a function of the type that the slot asks for.
        unsafe { result(ffi::PyType_FromSpecWithBases(&raw mut spec, base)) }.map_err(PyErr::from)
    }
}

fn lifetime<const LAYOUT: u8>() -> [(c_int, *mut c_void); 3] {
    [
        (ffi::Py_tp_traverse, life::traverse::<LAYOUT> as *mut c_void),
        (ffi::Py_tp_clear, life::clear::<LAYOUT> as *mut c_void),
        (ffi::Py_tp_dealloc, life::dealloc::<LAYOUT> as *mut c_void),
    ]
}

fn member(name: &'static CStr, offset: usize) -> ffi::PyMemberDef {
    ffi::PyMemberDef {
        name: name.as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset as ffi::Py_ssize_t,
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    }
}

fn known(name: &'static CStr, attribute: Attribute) -> ffi::PyGetSetDef {
    getset(name, metadata::get_known, Some(metadata::set_known), attribute as usize)
}

fn getset(name: &'static CStr, get: ffi::getter, set: Option<ffi::setter>, place: usize) -> ffi::PyGetSetDef {
    ffi::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get),
        set,
        doc: ptr::null(),
        closure: ptr::without_provenance_mut(place),
    }
}

const _: () = assert!(offset_of!(Function, proxy) == 0 && offset_of!(Partial, proxy) == 0);
