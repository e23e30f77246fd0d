"""Systems Manager's Run Command and Identity Center's assignments: reach over machines and accounts."""

from __future__ import annotations

from tidewaiter.lab.generator.calls.call import Call, Json, Make
from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.draw import Draw


def run_command(instance: str) -> Make:
    """Return SendCommand of a shell script to one machine; parameters are never recorded."""

    def make(draw: Draw) -> Call:
        hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"
        request: Json = {
            "documentName": "AWS-RunShellScript",
            "instanceIds": [instance],
            "parameters": hidden,
            "interactive": False,
        }
        command: Json = {
            "commandId": draw.uuid(),
            "documentName": "AWS-RunShellScript",
            "comment": "",
            "parameters": hidden,
            "instanceIds": [instance],
            "targets": [],
            "status": "Pending",
            "maxConcurrency": "50",
            "maxErrors": "0",
            "targetCount": 1,
            "timeoutSeconds": 3600,
        }
        return Call("ssm", "SendCommand", request, {"command": command}, read_only=False, firm=True)

    return make


def instance_arn(company: Company) -> str:
    """Return the ARN of the organisation's Identity Center instance."""
    return f"arn:aws:sso:::instance/ssoins-{company.hex_id('x', 'identity-center')[-16:]}"


def permission_set_arn(company: Company, name: str) -> str:
    """Return the ARN of a permission set."""
    instance = instance_arn(company).rpartition("/")[2]
    return f"arn:aws:sso:::permissionSet/{instance}/ps-{company.hex_id('x', 'permission-set', name)[-16:]}"


def assign(company: Company, account: str, permission_set: str, user: str) -> Make:
    """Return CreateAccountAssignment: a user of Identity Center gets a permission set in an account."""
    request: Json = {
        "instanceArn": instance_arn(company),
        "targetId": account,
        "targetType": "AWS_ACCOUNT",
        "permissionSetArn": permission_set_arn(company, permission_set),
        "principalType": "USER",
        "principalId": user,
    }

    def make(draw: Draw) -> Call:
        status: Json = {"status": "IN_PROGRESS", "requestId": draw.uuid()}
        status |= {key: value for key, value in request.items() if key != "instanceArn"}
        response: Json = {"accountAssignmentCreationStatus": status}
        return Call("sso", "CreateAccountAssignment", request, response, read_only=False, firm=True)

    return make
