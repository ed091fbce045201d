"""FunctionMaker: functions made from a template, with a name, signature, defaults and documentation that are given."""

from __future__ import annotations

import itertools
import keyword
import re
import sys
import types
from typing import TYPE_CHECKING, Any, TypeAlias

from cladding._errors import ConfigurationError
from cladding._making.telling import Told, parameters_of
from cladding._policy import MISSING
from cladding._trampoline import Parameters, prefix_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The class below has an attribute called dict.
Names: TypeAlias = dict[str, Any]

_PLACEHOLDER = re.compile(r"(%\(\w+\)s)")
_NAME_OF_DEF = re.compile(r"^\s*(?:async\s+)?def\s+(\w+)", re.MULTILINE)

# Each function that is made lies in a file of its own name: profilers tell functions apart by file, line and name.
_count = itertools.count()


class FunctionMaker:
    """Makes functions from a template, with the name, the signature and the documentation of another, or given ones.

    In the template ``%(name)s`` stands for the name, ``%(signature)s`` for the parameters as a ``def`` declares them,
    without defaults, and ``%(shortsignature)s`` for the arguments that hand all of them on. Positional-only parameters
    stay so. Parameters may have any name.

    Args:
        func: a callable whose name, signature, defaults, annotations, documentation, module and attributes are taken.
        name: the name, instead of that of ``func``.
        signature: the parameters as in a ``def``, without parentheses, such as ``"a, /, b, *, c"``.
        defaults: values for the last parameters that can be given by position.
        doc: the docstring.
        module: the name of the module; by default that of ``func``, or else the caller's.
        funcdict: the attributes.

    Raises:
        ConfigurationError: there is neither ``func`` nor both ``name`` and ``signature``, or one of these is no name or
            no parameter list, or there are more defaults than parameters.
        TypeError: ``func`` is no callable that tells its signature.
    """

    name: str
    doc: str | None
    module: str
    signature: str
    shortsignature: str
    args: list[str]
    varargs: str | None
    varkw: str | None
    kwonlyargs: list[str]
    defaults: tuple[Any, ...] | None
    kwonlydefaults: Names | None
    annotations: Names
    dict: Names

    def __init__(
        self,
        func: Callable[..., Any] | None = None,
        name: str | None = None,
        signature: str | None = None,
        defaults: tuple[Any, ...] | None = None,
        doc: str | None = None,
        module: str | None = None,
        funcdict: Mapping[str, Any] | None = None,
    ) -> None:
        if func is None and (name is None or signature is None):
            message = "FunctionMaker: func must be given, or both name and signature"
            raise ConfigurationError(message)
        self._func = func
        self._defaults_given = func is not None or defaults is not None
        told = _told(func) if signature is None else _read(signature)
        self.parameters = told.parameters
        self.name = _checked_name(name if name is not None else _name_of(func))
        self.doc = doc if doc is not None else getattr(func, "__doc__", None)
        self.module = module or getattr(func, "__module__", None) or _module_of_caller()
        self.signature = told.parameters.declaration() if signature is None else signature
        self.shortsignature = told.parameters.arguments()
        self.args = list(told.parameters.positional)
        self.varargs = told.parameters.var_positional
        self.varkw = told.parameters.var_keyword
        self.kwonlyargs = list(told.parameters.keyword_only)
        self.defaults = defaults or told.defaults
        self.kwonlydefaults = told.keyword_defaults
        self.dict = dict(getattr(func, "__dict__", {}) if funcdict is None else funcdict)
        for index, argument in enumerate(self.args):
            setattr(self, f"arg{index}", argument)
        if len(self.defaults or ()) > len(self.args):
            message = f"FunctionMaker: defaults={defaults!r} are too many: the parameters are ({self.signature})"
            raise ConfigurationError(message)

    def __getattr__(self, name: str) -> Any:
        # Asked for late, because from Python 3.14 on an annotation may name what is not there yet.
        if name == "annotations":
            self.annotations = getattr(self._func, "__annotations__", {})
            return self.annotations
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(message)

    def update(self, func: types.FunctionType, **attributes: Any) -> None:
        """Gives a function the name, documentation, defaults, annotations, module and attributes that are kept here.

        Args:
            func: the function.
            attributes: more attributes to set on it.
        """
        func.__name__ = self.name
        func.__qualname__ = getattr(self._func, "__qualname__", self.name) if self._is_name_of_func() else self.name
        func.__doc__ = self.doc
        func.__module__ = self.module
        func.__dict__ = self.dict.copy()
        if self._defaults_given:
            func.__defaults__ = self.defaults
            func.__kwdefaults__ = self.kwonlydefaults
        lazy = getattr(self._func, "__annotate__", None) if "annotations" not in vars(self) else None
        if lazy is not None:
            func.__annotate__ = lazy  # type: ignore[attr-defined, unused-ignore]  # pyright: ignore[reportFunctionMemberAccess]
        elif self.annotations:
            func.__annotations__ = dict(self.annotations)
        for name, value in attributes.items():
            setattr(func, name, value)

    def make(
        self,
        src_templ: str,
        evaldict: Names | None = None,
        addsource: bool = False,
        **attrs: Any,
    ) -> types.FunctionType:
        """Makes a function from the text of a whole ``def`` or ``async def``.

        Args:
            src_templ: the text, with the placeholders that the class describes.
            evaldict: the globals of the function.
            addsource: keep the text that was compiled as ``__source__``.
            attrs: attributes to set on the function.

        Raises:
            SyntaxError: the text is not that of a function. A note shows it.
        """
        source = src_templ % {**vars(self), "annotations": None}
        name = _NAME_OF_DEF.search(source)
        if name is None:
            message = f"no function is defined in:\n{source}"
            raise SyntaxError(message)
        namespace: Names = {}
        try:
            code = compile(source, f"<cladding function {next(_count)}>", "exec", dont_inherit=True)
            exec(code, {} if evaldict is None else evaldict, namespace)  # noqa: S102 - making functions from text is the task
        except Exception as error:
            error.add_note(f"in the source that FunctionMaker made:\n{source}")
            raise
        function: types.FunctionType = namespace[name[1]]
        if addsource:
            attrs["__source__"] = source
        self.update(function, **attrs)
        return function

    @classmethod
    def create(
        cls,
        obj: str | Callable[..., Any],
        body: str,
        evaldict: Names,
        defaults: tuple[Any, ...] | None = None,
        doc: str | None = None,
        module: str | None = None,
        addsource: bool = False,
        *,
        asynchronous: bool = False,
        **attrs: Any,
    ) -> types.FunctionType:
        """Makes a function from its body.

        Where ``obj`` is a function and one of its parameters has the name of something in ``evaldict``, a name that is
        written in ``body`` means what is in ``evaldict``, and one that came there by a placeholder means the parameter.

        Args:
            obj: ``"name(parameters)"``, or a callable whose name, signature and the rest are taken.
            body: the lines of the function, with the placeholders that the class describes.
            evaldict: the globals of the function.
            defaults: values for the last parameters that can be given by position.
            doc: the docstring.
            module: the name of the module.
            addsource: keep the text that was compiled as ``__source__``.
            asynchronous: write ``async def`` instead of ``def``.
            attrs: attributes to set on the function.

        Raises:
            ConfigurationError: ``obj`` is a text of another form.
            SyntaxError: the body is none. A note shows the text that was compiled.
        """
        if isinstance(obj, str):
            name, _, rest = obj.strip().partition("(")
            if not rest.endswith(")"):
                message = f"FunctionMaker: obj={obj!r} is not of the form 'name(parameters)'"
                raise ConfigurationError(message)
            maker = cls(None, name.strip(), rest[:-1], defaults, doc, module)
        else:
            maker = cls(obj, None, None, defaults, doc, module)
            body, evaldict = _apart(body, evaldict, maker.parameters)
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        start = "async def" if asynchronous else "def"
        return maker.make(f"{start} %(name)s(%(signature)s):\n{lines}\n", evaldict, addsource, **attrs)

    def _is_name_of_func(self) -> bool:
        return self._func is not None and self.name == _name_of(self._func)


def _apart(body: str, evaldict: Names, parameters: Parameters) -> tuple[str, Names]:
    """Gives what is in ``evaldict`` under the name of a parameter another name, there and in the body."""
    shared = [name for name in parameters.all if name in evaldict]
    if not shared:
        return body, evaldict
    prefix = prefix_beside([*parameters.all, *evaldict])
    written = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, shared))})\b")
    parts = _PLACEHOLDER.split(body)
    parts[::2] = [written.sub(rf"{prefix}\1", part) for part in parts[::2]]
    renamed = {prefix + name: evaldict[name] for name in shared}
    return "".join(parts), {**evaldict, **renamed}


def _told(func: Any) -> Told:
    try:
        return parameters_of(func)
    except ValueError as error:
        message = f"FunctionMaker: func={func!r} tells no signature"
        raise TypeError(message) from error


def _read(signature: str) -> Told:
    """The parameters of a text. Defaults in it are left to the compiler of the template."""
    try:
        module = compile(f"def f({signature}\n): pass", "<signature>", "exec", dont_inherit=True)
    except SyntaxError as error:
        message = f"FunctionMaker: signature={signature!r} is not a list of parameters: {error.msg}"
        raise ConfigurationError(message) from error
    code = next(const for const in module.co_consts if isinstance(const, types.CodeType))
    return Told(Parameters(code), None, None)


def _name_of(func: Any) -> str:
    name: str = getattr(func, "__name__", MISSING)
    if name is MISSING:
        # A partial object has no name of its own.
        name = getattr(getattr(func, "func", None), "__name__", type(func).__name__)
    return "_lambda_" if name == "<lambda>" else name


def _checked_name(name: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        message = f"FunctionMaker: name={name!r} is not the name of a function"
        raise ConfigurationError(message)
    return name


def _module_of_caller() -> str:
    """The module of the code that asked for a function."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "?"))
