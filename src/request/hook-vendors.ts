/**
 * All vendors. Routes, settings, docs and tests are made of this table: a new vendor is its parser with its payloads in
 * test/webhooks/, one entry here, and its row in docs/webhooks.md.
 *
 * @module
 */
import type { Vendor } from './hook.ts'
import { acr } from './hook-acr.ts'
import { aliyun } from './hook-aliyun.ts'
import { bitbucket } from './hook-bitbucket.ts'
import { cdevents } from './hook-cdevents.ts'
import { distribution } from './hook-distribution.ts'
import { dockerhub } from './hook-dockerhub.ts'
import { ecr } from './hook-ecr.ts'
import { gar } from './hook-gar.ts'
import { generic } from './hook-generic.ts'
import { gitea } from './hook-gitea.ts'
import { github } from './hook-github.ts'
import { gitlab } from './hook-gitlab.ts'
import { harbor } from './hook-harbor.ts'
import { jfrog } from './hook-jfrog.ts'
import { nexus } from './hook-nexus.ts'
import { quay } from './hook-quay.ts'

export const vendors: readonly Vendor[] = [
  dockerhub,
  github,
  gar,
  ecr,
  acr,
  aliyun,
  harbor,
  quay,
  jfrog,
  nexus,
  distribution,
  gitea,
  gitlab,
  bitbucket,
  cdevents,
  generic,
]

/** The vendor of a name. */
export function vendorOf(name: string): Vendor | undefined {
  return vendors.find((one) => one.name === name)
}
