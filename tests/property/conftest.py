"""Property tests run the same way each time: a failure is found again by running it again."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "winnow",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("winnow")
