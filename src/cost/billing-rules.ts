import { machineRules } from './rules/machines.ts';
import { operationRules } from './rules/operations.ts';
import type { BillingRule } from './rules/rule.ts';
import { storeRules } from './rules/stores.ts';
import { streamRules } from './rules/streams.ts';

/** How each type of resource is billed. */
export const billingRules: Readonly<Record<string, BillingRule>> = {
  ...machineRules,
  ...streamRules,
  ...storeRules,
  ...operationRules,
};

const NETWORK = 'parts of a network are free; what passes through them is priced elsewhere';
const PERMISSIONS = 'permissions are free';
const DEPLOYMENT = 'runs during a deployment only';
const SETTINGS = 'a setting of something that is priced itself';

/** Types that cost nothing, and why. */
export const freeTypes: Readonly<Record<string, string>> = {
  'AWS::EC2::VPC': NETWORK,
  'AWS::EC2::Subnet': NETWORK,
  'AWS::EC2::Route': NETWORK,
  'AWS::EC2::RouteTable': NETWORK,
  'AWS::EC2::SubnetRouteTableAssociation': NETWORK,
  'AWS::EC2::InternetGateway': NETWORK,
  'AWS::EC2::VPCGatewayAttachment': NETWORK,
  'AWS::EC2::SecurityGroup': NETWORK,
  'AWS::EC2::SecurityGroupEgress': NETWORK,
  'AWS::EC2::SecurityGroupIngress': NETWORK,
  'AWS::EC2::FlowLog': 'only refused connections are logged: next to nothing',
  'AWS::Route53::RecordSet': 'queries from within the network cost next to nothing',
  'AWS::IAM::Role': PERMISSIONS,
  'AWS::IAM::Policy': PERMISSIONS,
  'AWS::IAM::InstanceProfile': PERMISSIONS,
  'AWS::S3::BucketPolicy': PERMISSIONS,
  'AWS::SQS::QueuePolicy': PERMISSIONS,
  'AWS::SNS::TopicPolicy': PERMISSIONS,
  'AWS::SecretsManager::ResourcePolicy': PERMISSIONS,
  'AWS::ECS::Service': 'its task is priced',
  'AWS::Lambda::EventSourceMapping': 'the function and the stream are priced',
  'AWS::Lambda::Permission': PERMISSIONS,
  'AWS::Logs::LogGroup': 'what is logged is priced as a whole',
  'AWS::Logs::LogStream': 'what is logged is priced as a whole',
  'AWS::RDS::DBParameterGroup': SETTINGS,
  'AWS::RDS::DBSubnetGroup': SETTINGS,
  'AWS::Scheduler::ScheduleGroup': SETTINGS,
  'AWS::SecretsManager::RotationSchedule': SETTINGS,
  'AWS::SecretsManager::SecretTargetAttachment': SETTINGS,
  'AWS::Serverless::Application': 'rotates a password once a month',
  'AWS::Glue::Database': 'the first million objects of a catalogue are free',
  'AWS::Glue::Table': 'the first million objects of a catalogue are free',
  'AWS::Athena::NamedQuery': SETTINGS,
  'AWS::SNS::Topic': 'the first thousand mails and million messages of a month are free',
  'AWS::SNS::Subscription': 'the first thousand mails of a month are free',
  'AWS::SQS::Queue': 'empty unless something fails; the first million requests of a month are free',
  'AWS::Budgets::Budget': 'a budget that only tells is free',
  'AWS::CDK::Metadata': 'is no resource',
  'Custom::S3AutoDeleteObjects': DEPLOYMENT,
  'Custom::VpcRestrictDefaultSG': DEPLOYMENT,
  'Custom::SchemaVersion': DEPLOYMENT,
};
