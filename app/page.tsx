export default function OverviewPage() {
  return <h1>Meshdeck</h1>;
}
