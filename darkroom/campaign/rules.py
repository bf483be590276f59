"""Contradictions: what no field says alone. Each rule looks at sections that are valid in themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from darkroom.campaign.bundle import LocalBundle, RemoteBundle
from darkroom.campaign.fields import duration_text
from darkroom.campaign.mode import REALTIME_SECONDS
from darkroom.campaign.model import ADAPTER, Cache, Endpoint, Model, Scaling, ScheduledAction
from darkroom.campaign.problem import MISSING, FieldPath, Problem
from darkroom.campaign.recipe import Recipe
from darkroom.campaign.resolved import most_workers

BOUNDS_OF_SCALING: tuple[FieldPath, ...] = (("scaling", "min_instances"), ("scaling", "max_instances"))


def bundle_problems(model: Model, *, builds: bool) -> Iterator[Problem]:
    """A campaign has something to serve: a bundle, or a pipeline that makes one."""
    if model.bundle is None and not builds:
        rule = "without a build section this field is required"
        yield Problem(
            ("model", "bundle"), MISSING, rule, "a bundle's name or s3://bucket/prefix/, or build: {}"
        )


def scaling_problems(scaling: Scaling) -> Iterator[Problem]:
    """The minimum is not above the maximum, in the bounds and in every scheduled action."""
    if scaling.min_instances > scaling.max_instances:
        yield Problem(
            ("scaling", "min_instances"),
            scaling.min_instances,
            f"the minimum is not above the maximum, which is {scaling.max_instances}",
            f"0 to {scaling.max_instances}, or a higher max_instances",
            involves=BOUNDS_OF_SCALING,
        )
    names = Counter(action.name for action in scaling.schedule)
    for index, action in enumerate(scaling.schedule):
        path: FieldPath = ("scaling", "schedule", index)
        if names[action.name] > 1:
            rule = "a name stands once in a schedule: a second action of that name would replace the first"
            yield Problem((*path, "name"), action.name, rule, "another name")
        yield from _times_of(action, path)
        yield from _bounds_of(action, path, scaling)


def _times_of(action: ScheduledAction, path: FieldPath) -> Iterator[Problem]:
    given = [key for key in ("cron", "at", "rate") if getattr(action, key) is not None]
    if len(given) != 1:
        rule = f"a scheduled action has exactly one of cron, at and rate; this one has {len(given)}"
        yield Problem(path, MISSING, rule, 'such as cron: "0 8 ? * MON-FRI *"', involves=(path,))


def _bounds_of(action: ScheduledAction, path: FieldPath, scaling: Scaling) -> Iterator[Problem]:
    own = ((*path, "min_instances"), (*path, "max_instances"))
    if action.min_instances is None and action.max_instances is None:
        rule = "a scheduled action changes something"
        yield Problem(path, MISSING, rule, "min_instances, max_instances or both", involves=own)
    elif action.max_instances is None:
        # Application Auto Scaling refuses a minimum above the maximum in force.
        if action.min_instances is not None and action.min_instances > scaling.max_instances:
            yield Problem(
                own[0],
                action.min_instances,
                f"the scheduled minimum is not above scaling.max_instances, which is {scaling.max_instances}",
                f"0 to {scaling.max_instances}, or a max_instances in the same action",
                involves=(*own, *BOUNDS_OF_SCALING),
            )
    elif action.min_instances is None:
        if action.max_instances < scaling.min_instances:
            yield Problem(
                own[1],
                action.max_instances,
                f"the scheduled maximum is not below scaling.min_instances, which is {scaling.min_instances}",
                f"at least {scaling.min_instances}, or a min_instances in the same action",
                involves=(*own, *BOUNDS_OF_SCALING),
            )
    elif action.min_instances > action.max_instances:
        rule = f"the minimum is not above the maximum, which is {action.max_instances}"
        yield Problem(own[0], action.min_instances, rule, f"0 to {action.max_instances}", involves=own)


def model_problems(model: Model, recipe: Recipe) -> Iterator[Problem]:
    """The model can draw what the campaign asks by default."""
    first = recipe.sizes[0]
    size = (model.width or first[0], model.height or first[1])
    involves: tuple[FieldPath, ...] = (("model", "recipe"), ("model", "width"), ("model", "height"))
    if size not in recipe.sizes:
        compiled = ", ".join(f"{width}x{height}" for width, height in recipe.sizes)
        rule = f"{recipe.name} was compiled for fixed sizes; {size[0]}x{size[1]} is none of them"
        yield Problem(("model", "width"), model.width or MISSING, rule, compiled, involves=involves)
    steps = recipe.steps
    if model.steps is not None and not steps.minimum <= model.steps <= steps.maximum:
        rule = f"the steps that {recipe.name} allows"
        yield Problem(("model", "steps"), model.steps, rule, f"{steps.minimum} to {steps.maximum}")
    scale = recipe.guidance_scale
    if model.guidance_scale is not None and not scale.minimum <= model.guidance_scale <= scale.maximum:
        free = f"{recipe.name} is a guidance-free model" if scale.maximum == 0 else ""
        rule = free or f"the guidance scale that {recipe.name} allows"
        expected = f"{scale.minimum:g} to {scale.maximum:g}" if scale.maximum else "0"
        yield Problem(("model", "guidance_scale"), model.guidance_scale, rule, expected)


def container_problems(endpoint: Endpoint, bundle: LocalBundle | RemoteBundle) -> Iterator[Problem]:
    """The container can serve the bundle; of one in S3 nobody knows before it is loaded."""
    if endpoint.container is None or isinstance(bundle, RemoteBundle):
        return
    if ADAPTER[endpoint.container] != bundle.adapter:
        right = next((name for name, adapter in ADAPTER.items() if adapter == bundle.adapter), None)
        yield Problem(
            ("endpoint", "container"),
            endpoint.container,
            f"the bundle is laid out for another model server, {bundle.adapter}",
            f"{right}, or a bundle packaged with --adapter {ADAPTER[endpoint.container]}",
            involves=(("model", "bundle"),),
        )


def endpoint_problems(endpoint: Endpoint, recipe: Recipe) -> Iterator[Problem]:
    """The workers fit on the instance's NeuronCores."""
    most = most_workers(endpoint.instance_type, recipe)
    asked = endpoint.workers_per_instance
    if asked is not None and asked > most:
        cores = recipe.neuron_cores_per_worker
        yield Problem(
            ("endpoint", "workers_per_instance"),
            asked,
            f"a NeuronCore belongs to one worker; {recipe.name} needs {cores} a worker",
            f"1 to {most} on {endpoint.instance_type}"
            if most
            else f"a larger type than {endpoint.instance_type}",
            involves=(("endpoint", "instance_type"), ("model", "recipe")),
        )


def time_problems(
    endpoint: Endpoint, scaling: Scaling, cache: Cache, model: Model, recipe: Recipe
) -> Iterator[Problem]:
    """A picture can be drawn before its time-out, and a request expires before its job does."""
    width, height = model.width or recipe.sizes[0][0], model.height or recipe.sizes[0][1]
    seconds = scaling.seconds_per_image or recipe.seconds_for(
        width=width, height=height, steps=model.steps or recipe.steps.default
    )
    if seconds > endpoint.invocation_timeout:
        too_long = endpoint.mode == "realtime" and seconds >= REALTIME_SECONDS
        yield Problem(
            ("endpoint", "invocation_timeout"),
            duration_text(endpoint.invocation_timeout),
            f"a picture takes {seconds:.1f} seconds: each one would time out",
            "mode: async, or fewer steps: InvokeEndpoint waits 60 s"
            if too_long
            else f"at least {duration_text(int(seconds) + 1)}",
            involves=(("model", "recipe"), ("model", "steps"), ("scaling", "seconds_per_image")),
        )
    if endpoint.request_time_to_live > cache.time_to_live:
        yield Problem(
            ("endpoint", "request_time_to_live"),
            duration_text(endpoint.request_time_to_live),
            "a request must not outlive the cache: its job and payload would be gone before it is drawn",
            f"at most cache.time_to_live, {duration_text(cache.time_to_live)}",
            involves=(("cache", "time_to_live"),),
        )
