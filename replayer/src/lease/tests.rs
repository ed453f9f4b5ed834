use super::*;

fn position(number: i64) -> Position {
    Position {
        pass: 0,
        recorded: schema::Timestamp::from_micros(number),
        exchange: "00c0ffee00c0ffee-0".parse().unwrap(),
    }
}

async fn take(store: &Archive, holder: &str, settled: Option<u64>) -> Leases {
    let folder = Path::from("runs/r/state/leases");
    Leases::take(store.clone(), folder, holder.to_owned(), settled)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_was_leased_is_in_doubt_for_the_next_process() {
    let store = Archive::in_memory();
    let mut first = take(&store, "a", None).await;
    assert_eq!(first.through(), None);
    for number in [5, 9, 7] {
        first.extend(position(number)).await.unwrap();
    }
    let second = take(&store, "b", None).await;
    assert_eq!(second.through(), Some(position(9)), "it never shrinks");
    // Killed before it leased anything: the doubt is handed on.
    let third = take(&store, "c", Some(first.number() - 1)).await;
    assert_eq!(third.through(), Some(position(9)));
    let fourth = take(&store, "d", Some(third.number())).await;
    assert_eq!(fourth.through(), None, "all of that has ended");
    let objects: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(
        objects.len(),
        5,
        "those that are over are removed: {objects:?}"
    );
}

/// A process that was suspended, and not killed, can lease nothing more, however long it slept.
#[tokio::test]
async fn whoever_lost_the_run_stops() {
    let store = Archive::in_memory();
    let mut first = take(&store, "a", None).await;
    first.extend(position(1)).await.unwrap();
    let mut second = take(&store, "b", None).await;
    for number in 2..20 {
        second.extend(position(number)).await.unwrap();
    }
    let error = first.extend(position(2)).await.unwrap_err();
    assert!(error.is::<TakenOver>(), "{error:#}");
    assert!(error.to_string().contains("another process (b)"), "{error}");
}
