"""Prints the user data of the launch template in a CloudFormation template, with a word in the place of each substitution."""

import re
import sys

from cfnlint.decode.cfn_yaml import load

template = load(sys.argv[1])
data = template["Resources"]["Template"]["Properties"]["LaunchTemplateData"]["UserData"]
text, _ = data["Fn::Base64"]["Fn::Sub"]
# `${!x}` is how Fn::Sub writes `${x}`.
text = re.sub(r"\$\{[A-Za-z0-9:]+\}", "word", text)
print(text.replace("${!", "${"))
