// Before anything is drawn: the theme that was chosen on other pages, for pages whose first byte is not ours.
{
  const chosen = /(?:^|; )theme=(light|dark)(?:;|$)/.exec(document.cookie);
  if (chosen) document.documentElement.dataset.theme = chosen[1];
}
