"""A stand-in for Jira and GitHub on the loopback interface. It is not a mock: it enforces."""

from integrations.sandbox.faults import Faults
from integrations.sandbox.limits import GitHubLimits, JiraLimits
from integrations.sandbox.server import Sandbox
from integrations.sandbox.world import Call

__all__ = ["Call", "Faults", "GitHubLimits", "JiraLimits", "Sandbox"]
