"""Everyone who works here. A new persona is a class in one of these modules and a name in `PERSONAS`."""

from __future__ import annotations

from tidewaiter.lab.generator.persona import Persona
from tidewaiter.lab.generator.personas.keyholders import Contractor, Operator, Partner
from tidewaiter.lab.generator.personas.platform import (
    Containers,
    Guards,
    KeyUse,
    LakeJobs,
    LogDelivery,
    StackSets,
)
from tidewaiter.lab.generator.personas.pollers import (
    ConfigRecorder,
    DeploymentWatcher,
    MonitoringVendor,
    PostureScanner,
    ScalingService,
)
from tidewaiter.lab.generator.personas.services import (
    BackupService,
    InventoryExport,
    Terraform,
    TrailDelivery,
)
from tidewaiter.lab.generator.personas.staff import (
    AmericanDeveloper,
    DataEngineer,
    DataScientist,
    Developer,
    FinanceAnalyst,
    PlatformEngineer,
    ReliabilityEngineer,
    SecurityAnalyst,
)
from tidewaiter.lab.generator.personas.vendors import CloudScanner, CostTool
from tidewaiter.lab.generator.personas.workloads import (
    EdgeCache,
    Fleet,
    Functions,
    LakeIngestion,
    ManagementAgents,
)

__all__ = ["PERSONAS"]

PERSONAS: tuple[type[Persona], ...] = (
    PlatformEngineer,
    ReliabilityEngineer,
    DataEngineer,
    DataScientist,
    Developer,
    AmericanDeveloper,
    SecurityAnalyst,
    FinanceAnalyst,
    Operator,
    Contractor,
    Partner,
    MonitoringVendor,
    ConfigRecorder,
    PostureScanner,
    ScalingService,
    DeploymentWatcher,
    Fleet,
    ManagementAgents,
    Functions,
    LakeIngestion,
    EdgeCache,
    TrailDelivery,
    BackupService,
    Terraform,
    InventoryExport,
    CloudScanner,
    CostTool,
    KeyUse,
    LogDelivery,
    Guards,
    StackSets,
    Containers,
    LakeJobs,
)
