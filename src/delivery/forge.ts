export interface Forge {
  openDraftPullRequest(request: { repositoryUrl: string; head: string; base: string; title: string; body: string; taskId: string }): Promise<{ url: string }>;
  upsertComment(request: { target: string; body: string; taskId: string }): Promise<{ url: string }>;
}
