import { type Assembly, type Located, type StackTemplate, TemplateError } from './assembly.ts';
import { ACCOUNT, attributeOf, referenceTo } from './identities.ts';

const ZONES = ['a', 'b', 'c'];

/** A secret with its database attached is the same secret. */
const ATTACHMENT = 'AWS::SecretsManager::SecretTargetAttachment';

/**
 * Works out what a template's intrinsic functions give, across stacks, with the names that resources have in the
 * local run. A reference that leads nowhere is an error, as it would be at deployment.
 */
export class Resolver {
  readonly #exports = new Map<string, { readonly stack: StackTemplate; readonly value: unknown }>();

  constructor(assembly: Assembly) {
    for (const stack of assembly) {
      for (const [id, output] of Object.entries(stack.template.Outputs ?? {})) {
        if (output.Export === undefined) continue;
        const name = this.text(stack, output.Export.Name, `output ${id}`);
        this.#exports.set(name, { stack, value: output.Value });
      }
    }
  }

  /**
   * The value with nothing left to resolve.
   *
   * @param where the value stands, for errors.
   * @throws TemplateError naming the reference.
   */
  resolve(stack: StackTemplate, value: unknown, where: string): unknown {
    if (Array.isArray(value)) return value.map((item) => this.resolve(stack, item, where));
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value);
    const [first] = entries;
    if (entries.length === 1 && first !== undefined && (first[0] === 'Ref' || first[0].startsWith('Fn::'))) {
      return this.#intrinsic(stack, first[0], first[1], where);
    }
    return Object.fromEntries(entries.map(([key, item]) => [key, this.resolve(stack, item, where)]));
  }

  /** @throws TemplateError also when it is no text. */
  text(stack: StackTemplate, value: unknown, where: string): string {
    const found = this.resolve(stack, value, where);
    if (typeof found === 'string') return found;
    if (typeof found === 'number' || typeof found === 'boolean') return String(found);
    throw new TemplateError(`${stack.id}: ${where}: expected a text, found ${JSON.stringify(found)}`);
  }

  #intrinsic(stack: StackTemplate, name: string, argument: unknown, where: string): unknown {
    const fail = (message: string): never => {
      throw new TemplateError(`${stack.id}: ${where}: ${message}`);
    };
    const texts = (value: unknown): string[] => {
      const found = this.resolve(stack, value, where);
      return Array.isArray(found)
        ? found.map((item) => this.text(stack, item, where))
        : fail('expected a list');
    };
    switch (name) {
      case 'Ref':
        return this.#reference(stack, this.text(stack, argument, where), where);
      case 'Fn::GetAtt': {
        const parts = typeof argument === 'string' ? argument.split('.') : texts(argument);
        return this.#attribute(stack, parts[0] ?? '', parts.slice(1).join('.'), where);
      }
      case 'Fn::ImportValue': {
        const exported = this.text(stack, argument, where);
        const found = this.#exports.get(exported);
        if (found === undefined) return fail(`no stack exports ${exported}`);
        return this.resolve(found.stack, found.value, `export ${exported}`);
      }
      case 'Fn::Join': {
        const [separator, parts] = argument as [string, unknown];
        return texts(parts).join(separator);
      }
      case 'Fn::Split': {
        const [separator, value] = argument as [string, unknown];
        return this.text(stack, value, where).split(separator);
      }
      case 'Fn::Select': {
        const [index, values] = argument as [number | string, unknown];
        return texts(values)[Number(index)] ?? fail(`there is no item ${index}`);
      }
      case 'Fn::Sub':
        return this.#substituted(stack, argument, where);
      case 'Fn::FindInMap': {
        const [map = '', top = '', second = ''] = texts(argument);
        return stack.template.Mappings?.[map]?.[top]?.[second] ?? fail(`no mapping ${map}.${top}.${second}`);
      }
      case 'Fn::GetAZs':
        return ZONES.map((zone) => `${stack.region}${zone}`);
      default:
        return fail(`${name} is not known to the local run`);
    }
  }

  #substituted(stack: StackTemplate, argument: unknown, where: string): string {
    const [text, variables] = (Array.isArray(argument) ? argument : [argument, {}]) as [
      string,
      Readonly<Record<string, unknown>>,
    ];
    return text.replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal !== '') return `\${${name}}`;
      if (name in variables) return this.text(stack, variables[name], where);
      if (!name.includes('.') || name.startsWith('AWS::')) return this.#reference(stack, name, where);
      const [id = '', ...attribute] = name.split('.');
      return this.#attribute(stack, id, attribute.join('.'), where);
    });
  }

  #located(stack: StackTemplate, logicalId: string, where: string): Located {
    const resource = stack.template.Resources[logicalId];
    if (resource === undefined) {
      throw new TemplateError(`${stack.id}: ${where}: there is no resource ${logicalId}`);
    }
    return { stack, logicalId, resource };
  }

  #reference(stack: StackTemplate, name: string, where: string): string {
    switch (name) {
      case 'AWS::Region':
        return stack.region;
      case 'AWS::AccountId':
        return ACCOUNT;
      case 'AWS::Partition':
        return 'aws';
      case 'AWS::URLSuffix':
        return 'amazonaws.com';
      case 'AWS::StackName':
        return stack.name;
      default:
    }
    const parameter = stack.template.Parameters?.[name];
    if (parameter?.Default !== undefined) return this.text(stack, parameter.Default, where);
    const located = this.#located(stack, name, where);
    if (located.resource.Type === ATTACHMENT) {
      return this.text(stack, located.resource.Properties?.['SecretId'], where);
    }
    return referenceTo(located);
  }

  #attribute(stack: StackTemplate, logicalId: string, attribute: string, where: string): string {
    if (attribute === '') throw new TemplateError(`${stack.id}: ${where}: no attribute of ${logicalId}`);
    return attributeOf(this.#located(stack, logicalId, where), attribute);
  }
}
