"""The part of GitHub's GraphQL schema that the adapter uses.

https://docs.github.com/en/graphql/reference
"""

from __future__ import annotations

from functools import cache

from graphql import GraphQLSchema, build_schema

_SDL = """
scalar Base64String
scalar BigInt
scalar GitObjectID
scalar URI

type Query {
  repository(owner: String!, name: String!): Repository
  user(login: String!): User
}

type Mutation {
  createRef(input: CreateRefInput!): CreateRefPayload
  createCommitOnBranch(input: CreateCommitOnBranchInput!): CreateCommitOnBranchPayload
  createPullRequest(input: CreatePullRequestInput!): CreatePullRequestPayload
  createIssue(input: CreateIssueInput!): CreateIssuePayload
}

type Repository {
  id: ID!
  nameWithOwner: String!
  defaultBranchRef: Ref
  ref(qualifiedName: String!): Ref
  pullRequests(headRefName: String, first: Int): PullRequestConnection!
  issueTypes(first: Int): IssueTypeConnection  # where there are types
}

type Ref {
  id: ID!
  name: String!
  target: GitObject
}

interface GitObject {
  oid: GitObjectID!
}

type Commit implements GitObject {
  oid: GitObjectID!
  file(path: String!): TreeEntry
}

type TreeEntry {
  oid: GitObjectID!
}

type PullRequestConnection {
  totalCount: Int!
}

type PullRequest {
  id: ID!
  number: Int!
  url: URI!
  isDraft: Boolean!
  headRefOid: GitObjectID!
}

type Issue {
  id: ID!
  fullDatabaseId: BigInt
  number: Int!
  url: URI!
  repository: Repository!
  assignees(first: Int): UserConnection!
  labels(first: Int): LabelConnection
  milestone: Milestone
  issueType: IssueType  # where there are types
  parent: Issue  # where there are sub-issues
}

type UserConnection {
  nodes: [User]
}

type User {
  id: ID!
  login: String!
}

type LabelConnection {
  nodes: [Label]
}

type Label {
  name: String!
}

type Milestone {
  title: String!
}

type IssueTypeConnection {
  nodes: [IssueType]
}

type IssueType {
  id: ID!
  name: String!
  isEnabled: Boolean!
}

input CreateRefInput {
  repositoryId: ID!
  name: String!
  oid: GitObjectID!
}

type CreateRefPayload {
  ref: Ref
}

input CreateCommitOnBranchInput {
  branch: CommittableBranch!
  message: CommitMessage!
  expectedHeadOid: GitObjectID!
  fileChanges: FileChanges
}

input CommittableBranch {
  repositoryNameWithOwner: String
  branchName: String
}

input CommitMessage {
  headline: String!
  body: String
}

input FileChanges {
  additions: [FileAddition!]
}

input FileAddition {
  path: String!
  contents: Base64String!
}

type CreateCommitOnBranchPayload {
  commit: Commit
}

input CreatePullRequestInput {
  repositoryId: ID!
  baseRefName: String!
  headRefName: String!
  title: String!
  body: String
  draft: Boolean
}

type CreatePullRequestPayload {
  pullRequest: PullRequest
}

input CreateIssueInput {
  repositoryId: ID!
  title: String!
  body: String
  assigneeIds: [ID!]
  labelIds: [ID!]
  milestoneId: ID
  issueTypeId: ID  # where there are types
  parentIssueId: ID  # where there are sub-issues
}

type CreateIssuePayload {
  issue: Issue
}
"""


@cache
def schema(sub_issues: bool, types: bool) -> GraphQLSchema:
    """As a server with these has it: an older one does not know the fields."""
    there = {"sub-issues": sub_issues, "types": types}
    lines = (line.partition("  # where there are ") for line in _SDL.splitlines())
    return build_schema("\n".join(line for line, _, what in lines if not what or there[what]))
