// Which address shows which page. Whoever is not signed in signs in first, and then comes to where they wanted to go.

import { Center, Container, Loader } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { Navigate, Outlet, Route, Routes, useLocation } from "react-router-dom";
import { whenSignedOut } from "./api/client";
import { useMe } from "./api/hooks";
import { SignIn } from "./pages/sign-in";
import { NotFound } from "./pages/not-found";
import { Boundary } from "./parts/boundary";
import { Shell } from "./parts/shell";
import { Wrong } from "./parts/state";

const Chatbots = lazy(() => import("./pages/chatbots"));
const FirstBot = lazy(() => import("./pages/first-bot"));
const Analytics = lazy(() => import("./pages/analytics"));
const Inbox = lazy(() => import("./pages/inbox"));
const Leads = lazy(() => import("./pages/leads"));
const Workspace = lazy(() => import("./pages/workspace"));
const Admin = lazy(() => import("./pages/admin"));
const Account = lazy(() => import("./pages/account"));
const Chatbot = lazy(() => import("./pages/chatbot"));

function Waiting() {
  return <Center h="50vh"><Loader aria-label="…" /></Center>;
}

function SignedIn() {
  const me = useMe();
  const here = useLocation();
  if (me.isPending) return <Waiting />;
  if (me.error && !me.data) return <Container py="xl"><Wrong error={me.error} retry={() => void me.refetch()} /></Container>;
  if (!me.data) return <Navigate to="/sign-in" replace state={{ to: here.pathname + here.search }} />;
  // Until they have chosen another password, everything else is refused them.
  if (me.data.must_change_password && here.pathname !== "/account") return <Navigate to="/account" replace />;
  return <Shell me={me.data}><Boundary place={here.pathname}><Suspense fallback={<Waiting />}><Outlet /></Suspense></Boundary></Shell>;
}

function Home() {
  const { data } = useMe();
  const kept = localStorage.getItem("botsmith-workspace");
  const workspace = data?.workspaces.find((seat) => seat.id === kept) ?? data?.workspaces.at(-1);
  return workspace ? <Navigate to={`/workspaces/${workspace.id}/chatbots`} replace /> : <NotFound />;
}

export function App() {
  const queries = useQueryClient();
  useEffect(() => whenSignedOut(() => queries.setQueryData(["me"], null)), [queries]);
  return (
    <Routes>
      <Route path="/sign-in" element={<SignIn />} />
      <Route element={<SignedIn />}>
        <Route index element={<Home />} />
        <Route path="/workspaces/:workspace/chatbots" element={<Chatbots />} />
        <Route path="/workspaces/:workspace/new" element={<FirstBot />} />
        <Route path="/workspaces/:workspace/inbox/:conversation?" element={<Inbox />} />
        <Route path="/workspaces/:workspace/leads" element={<Leads />} />
        <Route path="/workspaces/:workspace/analytics" element={<Analytics />} />
        <Route path="/workspaces/:workspace/settings/:tab?" element={<Workspace />} />
        <Route path="/installation" element={<Navigate to="/admin/prices" replace />} />
        <Route path="/admin/:tab?" element={<Admin />} />
        <Route path="/account" element={<Account />} />
        <Route path="/chatbots/:chatbot/:tab?" element={<Chatbot />} />
        <Route path="*" element={<NotFound />} />
      </Route>
    </Routes>
  );
}
